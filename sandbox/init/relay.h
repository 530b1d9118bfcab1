#pragma once

// TCP connections made inside the sandbox, carried to a unix socket of the host: for gVisor, whose
// sockets are no descriptors of the host's. Part of podium-init, in a thread of its own: what an
// agent does to its relay must not keep init from answering.
namespace podium::sandbox::init {

// Relays what connects to `listener`, which does not block, for as long as the container lives.
// Takes the listener over. Returns 0 or an errno.
int StartRelay(int listener, const char* path);

}  // namespace podium::sandbox::init
