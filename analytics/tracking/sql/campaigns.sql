-- One row per different tail of a page address: the campaign parameters in it, by the names Matomo's script reads.
create or replace temp table campaign as
with sent as (
    select
        tail,
        coalesce(
            address_part(tail, '(?:mtm|matomo|pk|piwik)_(?:campaign|cpn)'), address_part(tail, 'utm_campaign'),
            address_part(tail, 'utm_source'), address_part(tail, 'utm_medium')) as code,
        address_part(tail, '(?:(?:mtm|matomo|pk|piwik)_(?:keyword|kwd)|utm_term)') as keyword,
        address_part(tail, '(?:mtm|matomo|pk|piwik|utm)_source') as source,
        address_part(tail, '(?:mtm|matomo|pk|piwik|utm)_medium') as medium,
        address_part(tail, '(?:mtm|matomo|pk|piwik|utm)_content') as content
    from (select distinct tail from hit where tail is not null)
),
decoded as (
    select tail, decoded_again(columns(* exclude (tail))) from sent
)
select tail, campaign_text(columns(* exclude (tail))) from decoded
