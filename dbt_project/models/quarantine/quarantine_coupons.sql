{{ quarantined('bronze_coupons') }}
