"""What pages share: the open services, widgets, charts, messages, the mail preview."""
