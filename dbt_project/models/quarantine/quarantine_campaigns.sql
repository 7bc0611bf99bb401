{{ quarantined('bronze_campaigns') }}
