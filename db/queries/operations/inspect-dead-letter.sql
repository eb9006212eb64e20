-- All of one dead letter, with every attempt; of a delivery with request and response.
select jsonb_pretty(to_jsonb(d)) from postrider.dead_letters d where dead_letter_id = ?
