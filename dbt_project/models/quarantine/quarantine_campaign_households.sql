{{ quarantined('bronze_campaign_households') }}
