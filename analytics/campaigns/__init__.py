"""Marketing campaigns, and the email campaigns that belong to them."""

from analytics.campaigns.email import EmailCampaign, EmailCampaigns
from analytics.campaigns.marketing import MarketingCampaign, MarketingCampaigns

__all__ = ["EmailCampaign", "EmailCampaigns", "MarketingCampaign", "MarketingCampaigns"]
