{# The words for the codes of `silver_promotions`, as the publisher of the data explains them. #}
{% macro display_place(code) -%}
    case {{ code }}
        when '0' then 'none'
        when '1' then 'store front'
        when '2' then 'store rear'
        when '3' then 'front end cap'
        when '4' then 'mid-aisle end cap'
        when '5' then 'rear end cap'
        when '6' then 'side-aisle end cap'
        when '7' then 'in-aisle'
        when '9' then 'secondary location'
        when 'A' then 'in-shelf'
    end
{%- endmacro %}

{% macro mailer_place(code) -%}
    case {{ code }}
        when '0' then 'none'
        when 'A' then 'interior page feature'
        when 'C' then 'interior page line item'
        when 'D' then 'front page feature'
        when 'F' then 'back page feature'
        when 'H' then 'wrap front feature'
        when 'J' then 'wrap interior coupon'
        when 'L' then 'wrap back feature'
        when 'P' then 'interior page coupon'
        when 'X' then 'free on interior page'
        when 'Z' then 'free on front page, back page or wrap'
    end
{%- endmacro %}
