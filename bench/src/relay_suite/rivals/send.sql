\set mailbox random(1, :mailboxes)
\set principal random(1, :mailboxes)
\set high random(1, 9223372036854775806)
\set low random(1, 9223372036854775806)
SELECT send(:mailbox, :principal, :high, :low, :digest, :most_envelopes, :most_bytes, :body);
