-- Whether a member of this index is a record that lies under it still: what cannot be read counts, what is
-- over or belongs elsewhere by now does not.
local function belongs(index, name)
  local state, record = look(prefix .. name)
  if state == 'corrupt' then return true, record end
  return state == 'alive' and (record.sub == index or record.sid == index), record
end
