-- The number of a mailbox is its name; updates of its row stay on its page.
CREATE TABLE mailbox (
  id int PRIMARY KEY, last_seq bigint NOT NULL DEFAULT 0, live_count bigint NOT NULL DEFAULT 0, live_bytes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 25);
-- An ordinary envelope lies in its row, not in a TOAST table with an index of its own: 1.4 times the sends.
CREATE TABLE envelope (mailbox int NOT NULL, seq bigint NOT NULL, expires bigint NOT NULL, body bytea NOT NULL, PRIMARY KEY (mailbox, seq))
  WITH (toast_tuple_target = 8160);
ALTER TABLE envelope ALTER body SET STORAGE EXTERNAL;
-- A message id is 128 bits; pgbench has no type for that, so it comes in halves.
CREATE TABLE receipt (
  mailbox int NOT NULL, principal int NOT NULL, id_high bigint NOT NULL, id_low bigint NOT NULL, digest bytea NOT NULL, forget_at bigint NOT NULL,
  PRIMARY KEY (mailbox, principal, id_high, id_low)
);

-- One durable send: a transaction and a round trip. Answers with the sequence number, 0 for a repetition, -1 for a conflict, -2 when the mailbox is full;
-- a refusal leaves nothing behind. The row of the mailbox is locked from the number to the commit, so numbers become visible in order.
CREATE FUNCTION send(
  to_mailbox int, by_principal int, high bigint, low bigint, content_digest bytea, most_envelopes bigint, most_bytes bigint, content bytea
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  month CONSTANT bigint := 2592000;
  at CONSTANT bigint := extract(epoch FROM now());
  known bytea;
  place bigint;
BEGIN
  INSERT INTO receipt VALUES (to_mailbox, by_principal, high, low, content_digest, at + month) ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    SELECT digest INTO known FROM receipt WHERE mailbox = to_mailbox AND principal = by_principal AND id_high = high AND id_low = low;
    RETURN CASE WHEN known = content_digest THEN 0 ELSE -1 END;
  END IF;
  UPDATE mailbox SET last_seq = last_seq + 1, live_count = live_count + 1, live_bytes = live_bytes + length(content)
    WHERE id = to_mailbox AND live_count < most_envelopes AND live_bytes + length(content) <= most_bytes
    RETURNING last_seq INTO place;
  IF place IS NULL THEN
    DELETE FROM receipt WHERE mailbox = to_mailbox AND principal = by_principal AND id_high = high AND id_low = low;
    RETURN -2;
  END IF;
  INSERT INTO envelope VALUES (to_mailbox, place, at + month, content);
  RETURN place;
END $$;
