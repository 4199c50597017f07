"""Readers: the files of one replicate -> neo.Block. Only for formats that neo lacks; `any_neo` covers neo's own."""
