-- Deletes records of an index, so many at a time; gives how many there were, and how many members are left.
-- ARGV: the index, how many.
local removed = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[5]) - 1)) do
  local there, record = belongs(ARGV[4], name)
  if there then
    remove(prefix .. name, record)
    removed = removed + 1
  end
  redis.call('ZREM', KEYS[1], name)
end
return { removed, redis.call('ZCARD', KEYS[1]) }
