-- Acquires the lease of a record; gives its fence, and whether the holder before never gave it back.
-- ARGV: lifetime of the lease.
local state, record = look(KEYS[1])
if state ~= 'alive' then return { state } end
if record.leased and now < record.leased then return { 'conflict' } end
redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'leased', text(now + tonumber(ARGV[4])))
return { 'done', redis.call('HGET', KEYS[1], 'fence'), record.leased and 'abandoned' or 'free' }
