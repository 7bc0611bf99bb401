{{ quarantined('bronze_promotions') }}
