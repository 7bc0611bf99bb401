select
    *,
    {{ verdict() }} as _violations
from {{ landing() }}
