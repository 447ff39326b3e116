-- One row per different tail of a page address: the campaign parameters in it, by the names Matomo's script reads.
create or replace temp table campaign as
select
    tail,
    campaign_text(coalesce(
        address_part(tail, '(?:mtm|matomo|pk|piwik)_(?:campaign|cpn)'),
        address_part(tail, 'utm_campaign'), address_part(tail, 'utm_source'), address_part(tail, 'utm_medium'))) as code,
    campaign_text(address_part(tail, '(?:(?:mtm|matomo|pk|piwik)_(?:keyword|kwd)|utm_term)')) as keyword,
    campaign_text(address_part(tail, '(?:mtm|matomo|pk|piwik|utm)_source')) as source,
    campaign_text(address_part(tail, '(?:mtm|matomo|pk|piwik|utm)_medium')) as medium,
    campaign_text(address_part(tail, '(?:mtm|matomo|pk|piwik|utm)_content')) as content
from (select distinct tail from hit where tail is not null)
