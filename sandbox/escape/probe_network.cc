// Group N: the network.

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "sandbox/escape/probe.h"

namespace podium::probe {
namespace {

struct Address {
  sockaddr_storage data{};
  socklen_t size = 0;
  int family = AF_INET;
};

Address Parse(const char* host, unsigned short port) {
  Address out;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.data);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.data);
  if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.size = sizeof *v6;
    out.family = AF_INET6;
  }
  return out;
}

// 0 when connected, else the error's number. ETIMEDOUT after 300 ms.
int Connect(const char* host, unsigned short port, int type) {
  Address to = Parse(host, port);
  int fd = socket(to.family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  int error = connect(fd, reinterpret_cast<sockaddr*>(&to.data), to.size) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd wait{fd, POLLOUT, 0};
    socklen_t size = sizeof error;
    error = ETIMEDOUT;
    if (poll(&wait, 1, 300) == 1) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  close(fd);
  return error;
}

bool NoRoute(int error) {
  return error == ENETUNREACH || error == EHOSTUNREACH || error == EADDRNOTAVAIL ||
         error == EAFNOSUPPORT || error == EACCES || error == EPERM;
}

// False, and an attempt that got through, when there is an interface beside lo: what follows would
// then leave the machine, which a test must not do.
bool OnlyLoopback() {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool only = true;
  for (int i = 1; i < 64; ++i) {
    ifreq request{};
    request.ifr_ifindex = i;
    if (ioctl(fd, SIOCGIFNAME, &request) != 0) continue;
    only = Expect(strcmp(request.ifr_name, "lo") == 0, "there is an interface %.16s",
                  request.ifr_name) &&
           only;
  }
  close(fd);
  return only;
}

// Arguments: a TCP port on which the host listens at 127.0.0.1, then addresses of the host.
void Reach(int argc, char** argv) {
  if (argc < 1) CannotTry("no port");
  auto port = static_cast<unsigned short>(atoi(argv[0]));
  int error = Connect("127.0.0.1", port, SOCK_STREAM);
  Expect(error == ECONNREFUSED, "the host's 127.0.0.1:%u answers: %s", port, strerror(error));
  if (!OnlyLoopback()) return;
  constexpr const char* kPublic[] = {"8.8.8.8",        "1.1.1.1",     "10.0.0.1",
                                     "172.17.0.1",     "192.168.0.1", "169.254.169.254",
                                     "100.100.100.200"};
  auto try_all = [port](const char* host) {
    for (int type : {SOCK_STREAM, SOCK_DGRAM}) {
      for (unsigned short to : {static_cast<unsigned short>(80), port}) {
        int failed = Connect(host, to, type);
        // gVisor's own loopback may answer for addresses of the host: refused, by nobody.
        bool held = NoRoute(failed) || (g_user_space_kernel && failed == ECONNREFUSED);
        Expect(held, "%s %s:%u: %s", type == SOCK_STREAM ? "TCP" : "UDP", host, to,
               failed ? strerror(failed) : "connected");
      }
    }
  };
  for (const char* host : kPublic) try_all(host);
  for (int i = 1; i < argc; ++i) try_all(argv[i]);
  Address to = Parse("8.8.8.8", 0);
  char echo[8] = {8};
  for (int type : {SOCK_DGRAM, SOCK_RAW}) {
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (fd < 0) continue;
    Failed(
        sendto(fd, echo, sizeof echo, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to.data), to.size),
        "ICMP to 8.8.8.8");
    close(fd);
  }
}

bool ConnectUnix(const char* path, size_t length, int type) {
  sockaddr_un to{};
  if (length >= sizeof to.sun_path) return false;
  to.sun_family = AF_UNIX;
  memcpy(to.sun_path, path, length);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  bool connected = connect(fd, reinterpret_cast<sockaddr*>(&to), size) == 0 || errno == EAGAIN;
  close(fd);
  return connected;
}

bool AnyUnix(const char* path, size_t length) {
  bool connected = false;
  for (int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET})
    connected = connected || ConnectUnix(path, length, type);
  return connected;
}

void Names(int, char**) {
  if (!OnlyLoopback()) return;
  long long started = NowMs();
  // A question for example.org, type A.
  unsigned char question[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1";
  for (const char* server : {"127.0.0.53", "127.0.0.11", "8.8.8.8", "10.0.2.3", "1.1.1.1"}) {
    Address to = Parse(server, 53);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool sent = sendto(fd, question, sizeof question - 1, MSG_DONTWAIT,
                       reinterpret_cast<sockaddr*>(&to.data), to.size) >= 0;
    pollfd wait{fd, POLLIN, 0};
    char answer[512];
    bool answered =
        sent && poll(&wait, 1, 100) == 1 && recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0;
    Expect(!answered, "%s answers questions", server);
    close(fd);
  }
  for (const char* path :
       {"/run/nscd/socket", "/var/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve",
        "/run/dbus/system_bus_socket", "/run/avahi-daemon/socket"})
    Expect(!AnyUnix(path, strlen(path)), "%s answers", path);
  long long took = NowMs() - started;
  Expect(took < 1000, "it took %lld ms", took);
}

// A link made through gVisor's own routing socket would be gVisor's alone; it must refuse even so.
bool LinkCanBeAdded(int fd) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;
  char answer[1024] = {};
  if (send(fd, &request, sizeof request, MSG_DONTWAIT) < 0) return false;
  pollfd wait{fd, POLLIN, 0};
  if (poll(&wait, 1, 300) != 1 || recv(fd, answer, sizeof answer, MSG_DONTWAIT) <= 0) return false;
  auto* header = reinterpret_cast<nlmsghdr*>(answer);
  auto* error = static_cast<nlmsgerr*>(NLMSG_DATA(header));
  return header->nlmsg_type == NLMSG_ERROR && error->error == 0;
}

void OtherFamilies(int, char**) {
  if (!OnlyLoopback()) return;
  for (const char* host : {"2001:4860:4860::8888", "fe80::1", "fd00::1"}) {
    int error = Connect(host, 80, SOCK_STREAM);
    Expect(NoRoute(error) || error == EINVAL, "%s: %s", host,
           error ? strerror(error) : "connected");
  }
  constexpr struct {
    int family, type, protocol;
    const char* name;
  } kSockets[] = {{AF_PACKET, SOCK_RAW, 0x0300, "AF_PACKET"},
                  {AF_PACKET, SOCK_DGRAM, 0x0300, "AF_PACKET datagrams"},
                  {AF_INET, SOCK_RAW, IPPROTO_RAW, "raw IP"},
                  {AF_INET6, SOCK_RAW, IPPROTO_RAW, "raw IPv6"},
                  {AF_INET, SOCK_STREAM, 132, "SCTP"},
                  {AF_INET, SOCK_DCCP, 33, "DCCP"},
                  {31, SOCK_RAW, 1, "Bluetooth"},
                  {44, SOCK_RAW, 0, "AF_XDP"}};
  for (const auto& s : kSockets)
    Failed(socket(s.family, s.type | SOCK_CLOEXEC, s.protocol), s.name);
  for (int protocol : {NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_KOBJECT_UEVENT, NETLINK_AUDIT}) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (!g_user_space_kernel)
      Failed(fd, "a netlink socket");
    else if (protocol == NETLINK_ROUTE)
      Expect(!LinkCanBeAdded(fd), "a link can be added");
    if (fd >= 0) close(fd);
  }
}

void Vsock(int, char**) {
  struct {
    unsigned short family = 40, reserved = 0;
    unsigned port = 1024, cid = 0;
    unsigned char zero[4] = {};
  } to;
  for (int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    int fd = socket(40, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = errno;
    Expect(fd < 0 &&
               (error == EAFNOSUPPORT || error == EPERM || error == ENOSYS || g_user_space_kernel),
           "an AF_VSOCK socket: %s", fd < 0 ? strerror(error) : "made");
    for (unsigned cid : {0u, 1u, 2u}) {
      to.cid = cid;
      if (fd >= 0)
        Failed(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), "connect to the machine");
    }
    if (fd >= 0) close(fd);
  }
}

long long g_until = 0;
long g_sockets = 0;
int ConnectSocket(const char* path, const struct stat* st, int, FTW*) {
  if (S_ISSOCK(st->st_mode)) {
    ++g_sockets;
    Expect(!AnyUnix(path, strlen(path)), "%s answers", path);
  }
  return NowMs() > g_until ? 1 : 0;
}

// Argument: the name of an abstract socket on which the host listens.
void LocalSockets(int argc, char** argv) {
  g_until = NowMs() + 4000;
  for (const char* dir :
       {"/run", "/tmp", "/home", "/dev", "/var", "/.podium", "/etc", "/opt", "/srv"})
    nftw(dir, ConnectSocket, 32, FTW_PHYS);
  for (const char* path :
       {"/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
        "/run/systemd/private", "/.podium/host", "/run/crio/crio.sock", "/run/snapd.socket"})
    Expect(!AnyUnix(path, strlen(path)), "%s answers", path);
  char name[108] = {};
  for (int i = 0; i < argc; ++i) {
    snprintf(name + 1, sizeof name - 1, "%s", argv[i]);
    Expect(!AnyUnix(name, strlen(name + 1) + 1), "the host's abstract socket answers");
  }
  // The agent's own sockets work, so the attempts above were real ones.
  sockaddr_un own{};
  own.sun_family = AF_UNIX;
  snprintf(own.sun_path + 1, sizeof own.sun_path - 1, "podium-probe-%d", getpid());
  size_t length = strlen(own.sun_path + 1) + 1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  bool bound = bind(fd, reinterpret_cast<sockaddr*>(&own), size) == 0 && listen(fd, 1) == 0;
  Expect(bound && AnyUnix(own.sun_path, length), "control: an own socket does not answer");
  close(fd);
  Say("%ld sockets in the file tree", g_sockets);
}

void Interfaces(int, char**) {
  char text[16384];
  int lines = 0;
  if (ReadText("/proc/net/dev", text, sizeof text) < 0) CannotTry("no /proc/net/dev");
  for (char* line = strtok(text, "\n"); line; line = strtok(nullptr, "\n")) {
    char name[64];
    if (sscanf(line, " %63[^:|]:", name) != 1 || !strchr(line, ':')) continue;
    ++lines;
    Expect(strcmp(name, "lo") == 0, "there is an interface %s", name);
  }
  Expect(lines <= 1, "%d interfaces", lines);
  Expect(access("/sys/class/net/eth0", F_OK) != 0, "/sys/class/net/eth0 is there");
  ssize_t size = ReadText("/proc/net/route", text, sizeof text);
  char* second = size > 0 ? strchr(text, '\n') : nullptr;
  while (second && (*second == '\n' || *second == ' ')) ++second;
  Expect(g_user_space_kernel || !second || !*second, "there is a route: %.60s",
         second ? second : "");
  OnlyLoopback();
}

void NewNetworks(int, char**) {
  constexpr unsigned long kBridgeAdd = 0x89a0;
  if (!g_user_space_kernel) {
    int status = InChild([] { return unshare(CLONE_NEWNET) == 0 ? 1 : 0; });
    Expect(ExitedWith(status, 0), "unshare of the network");
    status = InChild([] { return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 1 : 0; });
    Expect(ExitedWith(status, 0), "unshare of user and network");
  }
  int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  Blocked(syscall(SYS_setns, ns, CLONE_NEWNET), "setns to our own network");
  ns = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
  Failed(ns < 0 ? -1 : syscall(SYS_setns, ns, CLONE_NEWNET), "setns to init's network");
  ifreq request{};
  for (const char* path : {"/dev/net/tun", "/dev/tun", "/dev/vhost-net", "/dev/ppp"}) {
    int node = open(path, O_RDWR | O_CLOEXEC);
    // gVisor has a node of its own; no tunnel may come of it.
    if (!g_user_space_kernel) Failed(node, path);
    request.ifr_flags = IFF_TUN;
    if (node >= 0) Failed(ioctl(node, TUNSETIFF, &request), "a tunnel");
    if (node >= 0) close(node);
  }
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  char bridge[IF_NAMESIZE] = "podium-br";
  Failed(ioctl(fd, kBridgeAdd, bridge), "a bridge");
  snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
  request.ifr_flags = 0;
  Failed(ioctl(fd, SIOCSIFFLAGS, &request), "lo switched off");
  Address address = Parse("10.9.8.7", 0);
  memcpy(&request.ifr_addr, &address.data, sizeof request.ifr_addr);
  Failed(ioctl(fd, SIOCSIFADDR, &request), "an address for lo");
  close(fd);
}

}  // namespace

const ProbeCase kNetworkProbes[] = {
    {"N01", Reach},        {"N02", Names},      {"N03", OtherFamilies}, {"N04", Vsock},
    {"N05", LocalSockets}, {"N07", Interfaces}, {"N08", NewNetworks},   {nullptr, nullptr}};

}  // namespace podium::probe
