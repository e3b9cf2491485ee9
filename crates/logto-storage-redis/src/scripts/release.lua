-- Gives the lease of a record back, where it is held still. ARGV: fence.
local state, record = look(KEYS[1])
if state == 'alive' and record.fence == ARGV[4] then redis.call('HDEL', KEYS[1], 'leased') end
return 'done'
