-- Holds the lease of a record for longer. ARGV: lifetime of the lease, fence.
local state, record = look(KEYS[1])
if state ~= 'alive' then return state end
if not record.leased or record.fence ~= ARGV[5] then return 'lost' end
redis.call('HSET', KEYS[1], 'leased', text(now + tonumber(ARGV[4])))
return 'done'
