-- Writes a record anew. ARGV: lifetime, version, data, sub, sid, the version that was seen, fence or nothing.
local state, old = look(KEYS[1])
if state ~= 'alive' then return state end
-- This very write has arrived before: its answer was lost.
if old.version == ARGV[5] then return 'done' end
if ARGV[10] ~= '' and ARGV[10] ~= old.fence then return 'lost' end
if ARGV[9] ~= old.version then return 'conflict' end
write(KEYS[1], {
  lifetime = tonumber(ARGV[4]), version = ARGV[5], data = ARGV[6], sub = ARGV[7], sid = ARGV[8],
})
if old.sub ~= ARGV[7] then delist(old.sub, record_name(KEYS[1])) end
if old.sid ~= ARGV[8] then delist(old.sid, record_name(KEYS[1])) end
return 'done'
