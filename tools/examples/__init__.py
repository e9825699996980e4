"""Speech in other people's programs: small ones that run. ``docs/integrations.md`` explains them."""
