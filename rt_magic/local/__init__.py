"""The embedded speech server: a Realtime server of our own, in a process of its own, on this machine.

`python -m rt_magic.local` starts it. `server` accepts connections, `connection` is one of them, `workers` starts the
processes that recognise (`decoder`), as a recogniser holds the interpreter for whole calls; the engines are in
`recognizers`, `sphinx` and `whisper`.
"""
