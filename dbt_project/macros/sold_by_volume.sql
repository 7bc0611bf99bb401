{# Whether a receipt line's quantity is a volume. Of known products the product says so. Of the 17 unknown products,
   5 lines have a quantity over 1,000, while the largest quantity of anything sold by the piece is 144. #}
{% macro sold_by_volume(products, receipts) -%}
    coalesce({{ products }}.is_fuel, {{ receipts }}.quantity > 500)
{%- endmacro %}
