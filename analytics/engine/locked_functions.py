"""The functions SQL typed by a person may call: those that compute from their arguments alone.

None reads files, settings, the environment or the catalogue. What is not listed is refused, so a function that a later
DuckDB adds is refused until somebody has looked at it.
"""

from __future__ import annotations

_OPERATORS = """
    + - * / // % ^ ** & | << >> ~ || -> ->> ~~ !~~ ~~* !~~* ~~~ @ ! <= >= < > = <> != ^@
"""

_NAMED = """
    abs ceil ceiling floor round round_even trunc sign sqrt cbrt exp ln log log2 log10 pow power mod fmod
    greatest least pi random degrees radians sin cos tan asin acos atan atan2 even factorial gcd lcm isnan
    isfinite isinf lower upper lcase ucase trim ltrim rtrim length len strlen char_length character_length
    substring substr left right replace split split_part string_split str_split starts_with ends_with prefix
    suffix contains instr position strpos reverse repeat lpad rpad concat concat_ws format printf ascii chr
    unicode ord initcap translate md5 sha256 hash regexp_matches regexp_replace regexp_extract
    regexp_extract_all regexp_full_match regexp_split_to_array like_escape not_like_escape ilike_escape
    not_ilike_escape levenshtein jaro_similarity jaro_winkler_similarity strip_accents nfc_normalize coalesce
    nullif ifnull if date_trunc datetrunc date_part datepart date_diff datediff date_sub datesub date_add
    dateadd age now today current_date get_current_timestamp current_timestamp timezone make_date make_timestamp
    make_timestamptz strftime strptime try_strptime year month day hour minute second quarter week weekday
    isodow dayofweek dayofmonth dayofyear yearweek isoyear dayname monthname last_day epoch epoch_ms epoch_us
    to_timestamp time_bucket to_years to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds
    to_microseconds to_quarters millisecond microsecond count count_star sum avg mean min max median mode
    quantile quantile_cont quantile_disc approx_count_distinct approx_quantile stddev stddev_samp stddev_pop
    variance var_samp var_pop corr covar_samp covar_pop regr_slope regr_intercept regr_r2 string_agg
    group_concat listagg list array_agg first last any_value arg_min arg_max min_by max_by bool_and bool_or
    count_if sum_no_overflow product histogram kurtosis skewness entropy grouping grouping_id row_number rank
    dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value fill list_value
    list_contains list_has list_position list_transform list_filter list_reduce list_sort list_distinct
    list_unique list_sum list_avg list_min list_max list_count list_extract list_element list_slice list_concat
    list_aggregate list_append list_prepend list_zip array_length array_contains array_slice array_extract
    array_position unnest flatten range generate_series struct_pack struct_extract row map map_keys map_values
    map_extract element_at map_from_entries json_extract json_extract_string json_array_length json_keys
    json_type json_valid json_extract_path json_extract_path_text typeof cast try_cast
"""

FUNCTIONS = frozenset([*_OPERATORS.split(), *_NAMED.split()])
"""Names in lower case, operators too."""

TABLE_FUNCTIONS = frozenset(["generate_series", "range", "unnest"])
"""Functions that may stand in FROM."""

MOMENT_FUNCTIONS = frozenset(["current_date", "current_timestamp", "get_current_timestamp", "now", "today"])
"""Functions whose answer depends on when they are asked."""

CHANGING_FUNCTIONS = frozenset(["random"])
"""Functions that answer otherwise each time."""
