-- What is really there. KEYS: the mailboxes. ARGV: the length of a body.
-- Answers with the envelopes as the quotas count them, the bodies of that length under a number, and the receipts.
local live, bodies, boxes = 0, 0, 0
for _, mailbox in ipairs(KEYS) do
  local last = tonumber(redis.call('HGET', mailbox, 'last')) or 0
  live = live + (tonumber(redis.call('HGET', mailbox, 'live')) or 0)
  boxes = boxes + redis.call('EXISTS', mailbox, mailbox .. ':mail')
  for sequence = 1, last do
    if redis.call('HSTRLEN', mailbox .. ':mail', sequence) == tonumber(ARGV[1]) then
      bodies = bodies + 1
    end
  end
end
-- What is neither a mailbox nor its mail is a receipt.
return live .. ' ' .. bodies .. ' ' .. redis.call('DBSIZE') - boxes
