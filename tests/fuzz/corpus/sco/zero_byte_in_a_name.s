.entry "ab\x00c"
HALT
