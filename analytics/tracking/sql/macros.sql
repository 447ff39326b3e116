-- A percent-encoded value as text; null when empty. What cannot be decoded was sorted out before.
create or replace temp macro decode_value(x) as nullif(
    case
        when contains(x, '%') then url_decode(replace(x, '+', ' '))
        when contains(x, '+') then replace(x, '+', ' ')
        else x
    end, '');

-- The encoded value of the parameter `name` standing at place `at_place` of the parts of a query; null without one.
create or replace temp macro sent(parts, at_place, name) as substr(parts[at_place], length(name) + 2);

-- A number, unless it is infinite or none.
create or replace temp macro finite(x) as case when isfinite(x) then x end;

-- Text percent-decoded once more, or as it is where that fails.
create or replace temp macro decoded_again(x) as case when contains(x, '%') then coalesce(try(url_decode(x)), x) else x end;

-- The value of the first parameter of a page address whose name matches, not decoded; null when empty or absent.
create or replace temp macro address_part(address, name) as
    nullif(replace(regexp_extract(address, '[?&#]' || name || '=([^&#]*)', 1), '+', ' '), '');

-- A campaign name that was decoded once: some senders encode twice.
create or replace temp macro campaign_text(x) as nullif(trim(replace(decoded_again(x), chr(0), '')), '');

-- The inside of a JSON object from a part of a query in which every name has one "=" and raw text has no quotes.
create or replace temp macro json_pairs(x) as '"' || case
    when contains(x, '%') then url_decode(
        replace(replace(replace(
            regexp_replace(
                replace(replace(replace(x, '%5C', '%5C%5C'), '%5c', '%5C%5C'), '%22', '%5C%22'),
                '%([01][0-9A-Fa-f])', '%5Cu00\1', 'g'),
            '+', ' '), '=', '":"'), '&', '","'))
    else replace(replace(replace(x, '+', ' '), '=', '":"'), '&', '","')
end || '"';

-- A pair of a JSON object for a value whose column is another's or of another type; null without a value.
create or replace temp macro kept(name, value) as '"' || name || '":' || cast(to_json(value) as varchar);

-- A query with every value left out: a=1&b=2 gives a=&b=. (A global regexp_replace takes twice the time.)
create or replace temp macro shape_of(query) as array_to_string(
    list_transform(string_split(query, '&'), lambda part: substr(part, 1, strpos(part, '='))), '&');

-- Whether a query has null characters or bytes that are no UTF-8.
create or replace temp macro odd_text(query) as
    contains(query, '%00') or (regexp_matches(query, '%[89A-Fa-f]') and try(url_decode(query)) is null);

-- Parts of a query as a query again, each with one "=".
create or replace temp macro joined(parts) as case
    when strlen(array_to_string(parts, '&')) - strlen(replace(array_to_string(parts, '&'), '=', '')) = len(parts)
        then array_to_string(parts, '&')
    else array_to_string(list_transform(parts, lambda part:
        substr(part, 1, strpos(part, '=')) || replace(substr(part, strpos(part, '=') + 1), '=', '%3D')), '&')
end;

-- What follows the first "?" or else "#" of a page address, "?" included, without the landing token.
create or replace temp macro address_tail(address) as regexp_replace(
    substr(address, if(contains(address, '?'), strpos(address, '?'), strpos(address, '#'))),
    'sdk=[A-Za-z0-9_-]*&?', '');
