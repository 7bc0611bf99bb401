{{ quarantined('bronze_coupon_redemptions') }}
