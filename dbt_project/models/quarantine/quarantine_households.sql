{{ quarantined('bronze_households') }}
