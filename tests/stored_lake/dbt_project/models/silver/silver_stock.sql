select
    item,
    on_hand,
    {{ in_stock('on_hand') }} as is_in_stock,
    _file_id,
    _duplicates_identical,
    _duplicates_conflicting
from ({{ assay.newest_rows('bronze_stock') }})
