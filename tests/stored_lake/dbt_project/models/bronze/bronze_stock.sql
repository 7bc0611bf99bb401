select
    *,
    {{ assay.verdict() }} as _violations
from {{ assay.landing() }}
