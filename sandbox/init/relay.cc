#include "sandbox/init/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace podium::sandbox::init {
namespace {

constexpr size_t kRoom = 32 << 10;
constexpr int kConnections = 64;  // at once; others wait in the listener's queue

// One direction of a connection.
struct Stream {
  char bytes[kRoom];
  size_t begin = 0, end = 0;
  bool ended = false;   // nothing more is read
  bool passed = false;  // and the other side knows

  [[nodiscard]] bool Empty() const { return begin == end; }
  [[nodiscard]] bool WantsBytes() const { return !ended && Empty(); }

  void Read(int from) {
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    begin = 0;
    end = n > 0 ? static_cast<size_t>(n) : 0;
    ended = n <= 0;
  }
  // False when the other side takes no more.
  bool Write(int to) {
    while (!Empty()) {
      ssize_t n = send(to, bytes + begin, end - begin, MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      begin += static_cast<size_t>(n);
    }
    if (ended && !passed) {
      shutdown(to, SHUT_WR);
      passed = true;
    }
    return true;
  }
};

struct Connection {
  int inner = -1, host = -1;
  bool host_left = false;  // closed its end altogether: what it sent is all there will be
  Stream out, in;          // to the host, to the agent

  void Close() {
    close(inner);
    close(host);
  }
  [[nodiscard]] bool Over() const {
    return (out.passed && in.passed) || (host_left && in.ended && in.Empty());
  }
};

struct Relay {
  int listener;
  sockaddr_un path;
  Connection* live[kConnections];

  [[nodiscard]] int Free() const {
    for (int i = 0; i < kConnections; ++i) {
      if (!live[i]) return i;
    }
    return -1;
  }
};

// Waits while the host's queue is full, which an agent that finds the socket can bring about.
int ReachHost(const sockaddr_un& path) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&path), sizeof path) != 0) {
    close(fd);
    return -1;
  }
  if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

void Accept(Relay& relay) {
  int at = relay.Free();
  if (at < 0) return;
  int inner = accept4(relay.listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (inner < 0) return;
  int host = ReachHost(relay.path);
  auto* made = host < 0 ? nullptr : static_cast<Connection*>(calloc(1, sizeof(Connection)));
  if (!made) {
    close(inner);
    if (host >= 0) close(host);
    return;
  }
  made->inner = inner;
  made->host = host;
  relay.live[at] = made;
}

short Wanted(const Stream& from, const Stream& to) {
  return static_cast<short>((from.WantsBytes() ? POLLIN : 0) | (to.Empty() ? 0 : POLLOUT));
}

constexpr short kGone = POLLHUP | POLLERR;

// False when the connection is over.
bool Turn(Connection& c, short inner, short host) {
  if (c.out.WantsBytes() && (inner & (POLLIN | kGone))) c.out.Read(c.inner);
  if (c.in.WantsBytes() && (host & (POLLIN | kGone))) c.in.Read(c.host);
  if (host & kGone) c.host_left = true;
  if (!c.host_left && !c.out.Write(c.host)) c.host_left = true;
  if (c.host_left) c.out.begin = c.out.end;  // what the agent still sends goes nowhere
  return c.in.Write(c.inner) && !c.Over();
}

nfds_t Watch(const Relay& relay, pollfd* fds) {
  pollfd* at = fds;
  *at++ = {relay.Free() >= 0 ? relay.listener : -1, POLLIN, 0};
  for (const Connection* c : relay.live) {
    if (!c) continue;
    // A side from which nothing is wanted is not watched: its end would wake the loop for ever.
    // But that the host has left must be seen even then.
    short inner = Wanted(c->out, c->in), host = Wanted(c->in, c->out);
    *at++ = {inner ? c->inner : -1, inner, 0};
    *at++ = {c->host_left && !host ? -1 : c->host, host, 0};
  }
  return static_cast<nfds_t>(at - fds);
}

void TurnAll(Relay& relay, const pollfd* fds) {
  bool more = (fds++->revents & POLLIN) != 0;
  for (Connection*& c : relay.live) {
    if (!c) continue;
    short inner = fds++->revents, host = fds++->revents;
    if ((inner | host) == 0 || Turn(*c, inner, host)) continue;
    c->Close();
    free(c);
    c = nullptr;
  }
  if (more) Accept(relay);
}

void* Run(void* argument) {
  auto& relay = *static_cast<Relay*>(argument);
  pollfd fds[1 + 2 * kConnections];
  for (;;) {
    nfds_t n = Watch(relay, fds);
    if (poll(fds, n, -1) >= 0) TurnAll(relay, fds);
  }
}

}  // namespace

int StartRelay(int listener, const char* path) {
  if (strlen(path) >= sizeof(sockaddr_un::sun_path)) return ENAMETOOLONG;
  auto* relay = static_cast<Relay*>(calloc(1, sizeof(Relay)));
  if (!relay) return ENOMEM;
  relay->listener = listener;
  relay->path.sun_family = AF_UNIX;
  strcpy(relay->path.sun_path, path);
  // The thread inherits that every signal is blocked.
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  pthread_t thread;
  int error = pthread_create(&thread, nullptr, Run, relay);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) free(relay);
  return error;
}

}  // namespace podium::sandbox::init
