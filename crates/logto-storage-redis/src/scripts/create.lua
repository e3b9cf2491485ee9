-- Writes a new record. ARGV: lifetime, version, data, sub, sid, the fence before the first.
local state, old = look(KEYS[1])
if state == 'alive' or state == 'corrupt' then return 'conflict' end
if state == 'over' then remove(KEYS[1], old) end
write(KEYS[1], {
  lifetime = tonumber(ARGV[4]), version = ARGV[5], data = ARGV[6], sub = ARGV[7], sid = ARGV[8],
})
redis.call('HSET', KEYS[1], 'fence', ARGV[9])
return 'done'
