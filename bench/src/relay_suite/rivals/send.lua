-- One durable send, atomically. The body is kept under (mailbox, sequence), in the hash MAILBOX:mail.
-- KEYS: the mailbox. ARGV: principal, message id, digest of the body, quota in envelopes, quota in bytes, body.
-- Answers with the sequence number, or 'repeated', 'conflict' or 'full'; a refusal leaves nothing behind.
local receipt = KEYS[1] .. ':' .. ARGV[1] .. ':' .. ARGV[2]
-- 30 days. One call looks and notes, as almost every send is new.
local known = redis.call('SET', receipt, ARGV[3], 'NX', 'GET', 'EX', 2592000)
if known then
  return known == ARGV[3] and 'repeated' or 'conflict'
end
local box = redis.call('HMGET', KEYS[1], 'last', 'live', 'bytes')
local live, bytes = (tonumber(box[2]) or 0) + 1, (tonumber(box[3]) or 0) + #ARGV[6]
if live > tonumber(ARGV[4]) or bytes > tonumber(ARGV[5]) then
  redis.call('DEL', receipt)
  return 'full'
end
local sequence = (tonumber(box[1]) or 0) + 1
redis.call('HSET', KEYS[1], 'last', sequence, 'live', live, 'bytes', bytes)
redis.call('HSET', KEYS[1] .. ':mail', sequence, ARGV[6])
return sequence
