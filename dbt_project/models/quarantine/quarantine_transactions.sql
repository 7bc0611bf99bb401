{{ quarantined('bronze_transactions') }}
