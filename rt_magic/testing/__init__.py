"""Stand-ins for tests of programs that transcribe: a scripted service over a real socket."""

from rt_magic.testing.peer import PeerConnection, Refusal, ScriptedPeer

__all__ = ["PeerConnection", "Refusal", "ScriptedPeer"]
