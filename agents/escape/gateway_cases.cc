// Group N's attempts on the gateway: an agent in a sandbox of its own against a gateway whose
// provider is scripted. Judged by what the agent saw, what reached the provider and which events
// there are.

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "agents/escape/cases.h"
#include "agents/escape/gateway_stage.h"
#include "base/async/race.h"
#include "base/json.h"
#include "sandbox/escape/groups.h"
#include "sandbox/escape/shell.h"

namespace podium::agents {
namespace {

using sandbox::escape::Both;
using sandbox::escape::Broken;
using sandbox::escape::CaseResult;
using sandbox::escape::Context;
using sandbox::escape::Held;
using sandbox::escape::HeldIf;

std::size_t OpenDescriptors() {
  std::size_t n = 0;
  std::error_code ec;
  for (std::filesystem::directory_iterator it("/proc/self/fd", ec), end; !ec && it != end;
       it.increment(ec))
    ++n;
  return n;
}

CaseResult Calls(const GatewayStage& stage, std::size_t wanted) {
  std::size_t seen = stage.provider().size();
  return HeldIf(seen == wanted, std::to_string(seen) + " calls reached the provider");
}

CaseResult Flagged(const GatewayStage& stage, std::initializer_list<const char*> codes) {
  for (const char* code : codes) {
    if (stage.Flags(code) == 0) return Broken(std::string("nothing is flagged ") + code);
  }
  return Held("flagged");
}

Task<CaseResult> N06(Context& ctx) {
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    std::size_t before = OpenDescriptors();
    auto seen = co_await stage.Python(R"py(
files = [os.open('/dev/null', os.O_RDONLY) for _ in range(10)]
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', files))]
for i in range(100):
    s = connect()
    for j in range(10):
        try: s.sendmsg([b'G'], rights)
        except OSError: pass
    s.close()
s = connect()
ask = b'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
try: s.sendmsg([ask], rights)
except OSError: s.sendall(ask)  # gVisor's kernel refuses
data, ancillary, flags, _ = s.recvmsg(65536, 65536)
want('ordinary answer', status(data), 200)
want('descriptors back', ancillary, [])
want('the gateway after it', call('/v1/chat/completions', ASK), (200, None))
)py");
    for (int i = 0; i < 100 && OpenDescriptors() > before + 8; ++i) {
      Deadline step = Deadline::In(Millis(50));  // connections are closed in a second
      co_await SleepUntil(step);
    }
    std::size_t after = OpenDescriptors();
    co_return Both(seen,
                   HeldIf(after <= before + 8,
                          std::to_string(before) + " descriptors, then " + std::to_string(after)));
  };
  StageOptions options;
  co_return co_await OnGatewayStage(ctx, "n06", std::move(options), std::move(body));
}

Task<CaseResult> N09(Context& ctx) {
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    auto seen = co_await stage.Python(R"py(
for path in ['/v1/files', '/v1/batches', '/v1/assistants', '/v1/threads', '/v1/images/generations',
             '/v1/audio/speech', '/v1/fine_tuning/jobs', '/v1/vector_stores', '/v1/containers',
             '/v1/organization/admin_api_keys', '/v1/responses/resp_1', '/v1/messages/batches',
             '/v1beta/cachedContents', '/v1beta/files', '/v1beta/models/m:batchGenerateContent',
             '/v1beta/models/m%2f..%2fx:generateContent', '/admin', '/metrics', '/debug', '/',
             '/v1/chat/completions/../files', '/v1/../v1/files', '//v1/files', '/v1/chat/completions;x']:
    want(path, call(path, ASK), (403, 'route_not_allowed'))
for method in ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE']:
    want(method, call('/v1/chat/completions', None, method)[0], 403, 400)
for model in ['gpt-99', '', 'M', 'm ', 'm/../n', '../m', None]:
    want('model %r' % model, call('/v1/chat/completions', dict(ASK, model=model)), (403, 'model_not_allowed'))
want('no model', call('/v1/embeddings', {'input': 'x'}), (403, 'model_not_allowed'))
want('other model', call('/v1beta/models/other:generateContent', {'contents': []}), (403, 'model_not_allowed'))
)py");
    co_return Both(Both(seen, Calls(stage, 0)),
                   Flagged(stage, {"route_not_allowed", "model_not_allowed"}));
  };
  StageOptions options;
  co_return co_await OnGatewayStage(ctx, "n09", std::move(options), std::move(body));
}

constexpr const char* kN10 = R"py(
def refused(what, path, base, more, code):
    want(what, call(path, dict(base, **more)), (403, code))
def left_out(what, path, base, more):
    want(what, call(path, dict(base, **more)), (200, None))
chat, resp, mess, gem = '/v1/chat/completions', '/v1/responses', '/v1/messages', '/v1beta/models/m:generateContent'
R, G = {'model': 'm', 'input': 'x'}, {'contents': [{'parts': [{'text': 'x'}]}]}
for t in ['web_search', 'web_search_preview', 'file_search', 'code_interpreter', 'computer_use_preview', 'mcp',
          'image_generation', 'shell']:
    left_out(t, resp, R, {'tools': [{'type': t, 'server_url': 'http://example.org'}]})
    left_out(t, chat, ASK, {'tools': [{'type': t}]})
    left_out(t, resp, R, {'tools': [{'type': 'namespace', 'name': 'n', 'tools': [{'type': t}]}], 'tool_choice': {'type': t}})
for t in [None, 7, {}, []]:
    refused(t, resp, R, {'tools': [{'type': t, 'server_url': 'http://example.org'}]}, 'tool_not_allowed')
    refused(t, chat, ASK, {'tools': [{'type': t}]}, 'tool_not_allowed')
refused('a field of a tool', resp, R, {'tools': [{'type': 'local_shell', 'container': 'auto'}]}, 'field_not_allowed')
for t in ['web_search_20250305', 'web_fetch_20250910', 'code_execution_20250825', 'computer_20250124',
          'mcp_toolset', 'tool_search_tool_regex_20251119']:
    left_out(t, mess, ASK, {'tools': [{'type': t, 'name': 'x'}]})
for t in ['googleSearch', 'google_search', 'googleSearchRetrieval', 'urlContext', 'codeExecution', 'computerUse', 'fileSearch']:
    left_out(t, gem, G, {'tools': [{t: {}}]})
left_out('mcp servers', mess, ASK, {'mcp_servers': [{'url': 'http://example.org'}]})
left_out('web search options', chat, ASK, {'web_search_options': {'city': 'Berlin'}})
url = {'messages': [{'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': 'https://example.org/a.png'}}]}]}
refused('image url', chat, ASK, url, 'url_not_allowed')
refused('file url', resp, R, {'input': [{'role': 'user', 'content': [{'type': 'input_file', 'file_url': 'https://example.org/a'}]}]}, 'field_not_allowed')
refused('image url', resp, R, {'input': [{'role': 'user', 'content': [{'type': 'input_image', 'image_url': 'HTTP://example.org/a'}]}]}, 'url_not_allowed')
refused('source url', mess, ASK, {'messages': [{'role': 'user', 'content': [{'type': 'image', 'source': {'type': 'url', 'url': 'https://example.org'}}]}]}, 'input_not_allowed')
refused('file data', gem, G, {'contents': [{'parts': [{'fileData': {'fileUri': 'https://example.org'}}]}]}, 'input_not_allowed')
for field in ['previous_response_id', 'conversation', 'prompt', 'background', 'container']:
    refused(field, resp, R, {field: 'x'}, 'field_not_allowed')
refused('cached content', gem, G, {'cachedContent': 'cachedContents/1'}, 'field_not_allowed')
refused('hour cache', mess, ASK, {'system': [{'type': 'text', 'text': 'x', 'cache_control': {'type': 'ephemeral', 'ttl': '1h'}}]}, 'field_not_allowed')
want('stripped', call(resp, dict(R, store=True, metadata={'a': 'b'}, user='u', prompt_cache_key='of-another-run', service_tier='priority')), (200, None))
)py";

Task<CaseResult> N10(Context& ctx) {
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    auto seen = co_await stage.Python(kN10);
    auto result = Both(seen, Flagged(stage, {"tool_not_allowed", "url_not_allowed",
                                             "input_not_allowed", "field_not_allowed",
                                             "field_dropped", "field_forced", "tool_dropped"}));
    if (stage.provider().empty()) co_return Both(result, Broken("nothing went to the provider"));
    for (const auto& call : stage.provider()) {
      for (const char* gone :
           {"metadata", "\"user\":", "of-another-run", "priority", "store\":true", "tool", "search",
            "fetch", "execution", "interpreter", "computer", "mcp", "example.org", "Berlin",
            "image_generation", "shell", "namespace", "Context", "Retrieval"})
        if (call.body.find(gone) != std::string::npos)
          result = Both(result, Broken(std::string(gone) + " went to the provider"));
    }
    co_return result;
  };
  StageOptions options;
  co_return co_await OnGatewayStage(ctx, "n10", std::move(options), std::move(body));
}

Task<CaseResult> N11(Context& ctx) {
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    auto before = co_await stage.Python(R"py(
for headers in [{}, {'Authorization': 'Bearer ' + KEY}, {'Authorization': 'Bearer '}, {'Authorization': TOKEN},
                {'Authorization': 'Bearer ' + TOKEN[:-1]}, {'Authorization': 'Bearer ' + TOKEN + ' x'},
                {'x-api-key': KEY}, {'x-api-key': TOKEN.upper()}, {'x-goog-api-key': KEY}, {'Cookie': 'key=' + TOKEN},
                {'Authorization': 'Bearer ' + 'podium-' + '0' * 64}]:
    for path in ['/v1/chat/completions', '/v1/messages', '/v1beta/models/m:generateContent', '/admin']:
        want(str(list(headers)), call(path, ASK, headers=headers)[0], 401)
    want('models', call('/v1/models', None, 'GET', headers)[0], 401)
want('query', call('/v1/chat/completions?key=' + KEY, ASK, headers={})[0], 401)
want('own', call('/v1/chat/completions', ASK), (200, None))
)py");
    stage.gateway().End();
    auto after = co_await stage.Python(R"py(
want('replayed after the end', call('/v1/chat/completions', ASK), (401, 'invalid_api_key'))
want('models after the end', call('/v1/models', None, 'GET')[0], 401)
)py");
    co_return Both(Both(before, after), Both(Calls(stage, 1), Flagged(stage, {"invalid_api_key"})));
  };
  StageOptions options;
  co_return co_await OnGatewayStage(ctx, "n11", std::move(options), std::move(body));
}

Task<CaseResult> N12(Context& ctx) {
  StageOptions options;
  options.trial.budget.output_tokens = 1000;  // ten of what each declares
  options.provider = [](HttpExchange& exchange) { return AnswerAsModel(exchange, 100); };
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    auto seen = co_await stage.Python(R"py(
results = []
gate = threading.Barrier(64)
def one(i):
    gate.wait()
    results.append(call('/v1/chat/completions', dict(ASK, seed=i)))
threads = [threading.Thread(target=one, args=(i,)) for i in range(64)]
for t in threads: t.start()
for t in threads: t.join()
for r in results: want('race', r, (200, None), (403, 'budget_exhausted'))
want('served', sum(r[0] == 200 for r in results), 10)
want('one more', call('/v1/chat/completions', dict(ASK, seed=99)), (403, 'budget_exhausted'))
)py");
    std::int64_t spent = stage.spent().tokens.output;
    auto within = HeldIf(spent <= 1000, std::to_string(spent) + " of 1000 tokens were spent");
    co_return Both(Both(seen, Calls(stage, 10)), within);
  };
  co_return co_await OnGatewayStage(ctx, "n12", std::move(options), std::move(body));
}

struct BystanderCount {
  int served = 0, failed = 0;
  std::string last_failure;
};

// Asks for another trial again and again until it is cancelled; the call that the cancellation cuts
// off is not counted.
Task<void> WatchBystander(GatewayStage& stage, BystanderCount& count) {
  for (;;) {
    auto served = co_await stage.ServeBystander();
    auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none) co_return;
    ++(served ? count.served : count.failed);
    if (!served) count.last_failure = served.error().message;
    Deadline next = Deadline::In(Millis(50));
    co_await SleepUntil(next);
  }
}

constexpr const char* kN13 = R"py(
AUTH = ('Authorization: Bearer ' + TOKEN + '\r\n').encode()
POST = b'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n' + AUTH
# Slow: a byte now and then, and connections that say nothing or half of a request.
slow = [connect() for _ in range(40)]
half = [connect() for _ in range(10)]
for s in half: s.sendall(POST + b'Content-Length: 100\r\n\r\n{')
began = time.time()
cut = set()
while time.time() - began < 12 and len(cut) < len(slow):
    for i, s in enumerate(slow):
        if i in cut: continue
        try:
            s.sendall(b'P' if time.time() - began < 1 else b'x')
            s.setblocking(False)
            try:
                if not s.recv(10): cut.add(i)
            except BlockingIOError: pass
            s.setblocking(True)
        except OSError: cut.add(i)
    time.sleep(0.2)
want('slow ones cut off', len(cut), len(slow))
for s in slow + half: s.close()
# 10 MB of header.
big = raw(b'GET /health HTTP/1.1\r\nHost: localhost\r\nX: ' + b'a' * 10_000_000 + b'\r\n\r\n')
want('10 MB header', status(big), 431, 400, 0)
# Two lengths, and a request hidden behind them.
hidden = b'GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n'
for head in [b'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', b'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n',
             b'Content-Length: 4\r\nContent-Length: 5\r\n', b'Transfer-Encoding: xchunked\r\n',
             b'Transfer-Encoding: gzip, chunked\r\n', b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', b'Content-Length: -1\r\n']:
    answer = raw(POST + head + b'\r\n' + b'0\r\n\r\n' + hidden)
    want('lengths %r' % head, status(answer), 400, 501, 0)
    want('one answer', answer.count(b'HTTP/1.1 '), 0, 1)
# A bomb.
import gzip
bomb = gzip.compress(b'0' * 50_000_000)
want('compressed', call('/v1/chat/completions', bomb, headers={'Authorization': 'Bearer ' + TOKEN, 'Content-Encoding': 'gzip'})[0], 415)
# Ten thousand in one connection.
one = b'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'
s = connect()
threading.Thread(target=lambda: s.sendall(one * 10_000 + one.replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n')), daemon=True).start()
got = b''
tail = b''
count = 0
while True:
    piece = s.recv(1 << 16)
    if not piece: break
    tail = tail[-16:] + piece
    count += piece.count(b'HTTP/1.1 200')
want('pipelined', 9_900 <= count <= 10_001, True)
want('the gateway after it', call('/v1/chat/completions', ASK), (200, None))
)py";

Task<CaseResult> N13(Context& ctx) {
  StageOptions options;
  options.gateway.server.header_time = Millis(2000);
  options.gateway.server.body_time = Millis(2000);
  options.gateway.server.idle_time = Millis(3000);
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    BystanderCount count;
    std::string script = kN13;
    auto seen = co_await Race(stage.Python(std::move(script)), WatchBystander(stage, count));
    if (seen.index() != 0) co_return Broken("the bystander's watch ended");
    auto bystander = HeldIf(count.failed == 0 && count.served >= 10,
                            "the bystander was served " + std::to_string(count.served) +
                                " times, " + std::to_string(count.failed) + " times not" +
                                (count.failed ? ": " + count.last_failure : ""));
    co_return Both(Both(std::get<0>(std::move(seen)), bystander), Calls(stage, 1));
  };
  co_return co_await OnGatewayStage(ctx, "n13", std::move(options), std::move(body));
}

Task<CaseResult> N14(Context& ctx) {
  StageOptions options;
  options.provider = [](HttpExchange& exchange) -> Task<void> {
    HttpHeaders headers = {{"Location", "http://127.0.0.1:22/elsewhere"}};
    std::string none;
    auto told = co_await exchange.Answer(302, std::move(headers), std::move(none));
  };
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    auto seen = co_await stage.Python(R"py(
AUTH = 'Authorization: Bearer ' + TOKEN + '\r\nConnection: close\r\n'
def line(first, host='Host: localhost\r\n', more=''):
    return status(raw((first + ' HTTP/1.1\r\n' + host + AUTH + more + '\r\n').encode()))
for first in ['GET http://example.org/', 'GET http://127.0.0.1:8000/v1/models', 'POST https://api.openai.com/v1/chat/completions',
              'CONNECT example.org:443', 'CONNECT 127.0.0.1:22', 'OPTIONS *', 'GET example.org', 'GET ../x']:
    want(first, line(first), 400, 403, 0)
for host in ['', 'Host: example.org\r\n', 'Host: localhost\r\nHost: example.org\r\n', 'Host: 127.0.0.1.example.org\r\n',
             'Host: 169.254.169.254\r\n', 'Host: localhost:x\r\n', 'Host: \r\n', 'Host: [::1]\r\n', 'Host: localhost@example.org\r\n']:
    want(repr(host), line('GET /v1/models', host), 421, 400)
for more in ['X-Forwarded-Host: example.org\r\n', 'Forwarded: host=example.org\r\n', 'X-Original-URL: /admin\r\n', 'Upgrade: websocket\r\n']:
    want(more, line('GET /v1/models', more=more), 200)
want('redirect', call('/v1/chat/completions', ASK), (502, 'upstream_redirect'))
)py");
    co_return Both(Both(seen, Calls(stage, 1)), Flagged(stage, {"upstream_redirect"}));
  };
  co_return co_await OnGatewayStage(ctx, "n14", std::move(options), std::move(body));
}

Task<CaseResult> N15(Context& ctx) {
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    auto seen = co_await stage.Python(R"py(
def prompt(size): return dict(ASK, max_tokens=6, messages=[{'role': 'user', 'content': 'x' * size}])
want('3 MB', call('/v1/chat/completions', prompt(3_000_000)), (200, None))
want('9 MB', call('/v1/chat/completions', prompt(8_900_000)), (413, 'request_too_large'))
want('40 MB', call('/v1/chat/completions', prompt(40_000_000))[0], 413, 0)
)py");
    co_return Both(Both(seen, Calls(stage, 1)),
                   Flagged(stage, {"large_prompt", "request_too_large"}));
  };
  StageOptions options;
  co_return co_await OnGatewayStage(ctx, "n15", std::move(options), std::move(body));
}

Task<CaseResult> N16(Context& ctx) {
  StageOptions options;
  options.trial.replay = true;
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    auto seen = co_await stage.Python(R"py(
for path, ask in [('/v1/chat/completions', ASK), ('/v1/messages', ASK), ('/v1/responses', {'model': 'm', 'input': 'x'}),
                  ('/v1/embeddings', {'model': 'm', 'input': 'x'}), ('/v1beta/models/m:generateContent', {'contents': []})]:
    want(path, call(path, ask), (403, 'replay_miss'))
    want(path + ' again', call(path, ask), (403, 'replay_miss'))
)py");
    co_return Both(Both(seen, Calls(stage, 0)), Flagged(stage, {"replay_miss"}));
  };
  co_return co_await OnGatewayStage(ctx, "n16", std::move(options), std::move(body));
}

double CpuMs() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// What four refused requests cost the host, against four served ones of the same size.
Task<CaseResult> N17(Context& ctx) {
  StageOptions options;
  if (ctx.spec.without.contains(sandbox::Mitigation::kShortNames))
    options.gateway.longest_name = std::size_t{1} << 30;
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    double start = CpuMs();
    auto text = co_await stage.Python(R"py(
for _ in range(4):
    want('text', call('/v1/chat/completions', dict(ASK, messages=[{'role': 'user', 'content': 'x' * 400_000}])), (200, None))
)py");
    double middle = CpuMs();
    auto name = co_await stage.Python(R"py(
for _ in range(4):
    want('name', call('/v1/chat/completions', dict(ASK, **{'x' * 400_000: 1})), (403, 'field_not_allowed'))
)py");
    double texts = middle - start, names = CpuMs() - middle;
    auto served = co_await stage.ServeBystander();
    if (!served) co_return Broken("another trial was not served: " + served.error().message);
    char detail[96];
    std::snprintf(detail, sizeof detail, "%.0f ms of CPU for texts, %.0f ms for names", texts,
                  names);
    co_return Both(HeldIf(names < 4 * texts + 100, detail), Both(text, name));
  };
  co_return co_await OnGatewayStage(ctx, "n17", std::move(options), std::move(body));
}

constexpr const char* kTlsClient = R"py(
import ssl
def handshake(name, authority):
    context = ssl.create_default_context(cadata=os.environ[authority])
    try:
        with socket.create_connection(('127.0.0.1', 443), timeout=20) as s:
            with context.wrap_socket(s, server_hostname=name) as t:
                t.sendall(b'GET /health HTTP/1.1\r\nHost: ' + name.encode() + b'\r\nConnection: close\r\n\r\n')
                return status(t.recv(65536))
    except ssl.SSLError as e:
        return e.reason
    except OSError as e:
        return type(e).__name__
)py";

// Names of others, another trial's authority, what is no handshake, and more of them than a thread
// can do: what three seconds of that cost the host.
Task<CaseResult> N18(Context& ctx) {
  StageOptions options;
  options.gateway.vendor_hosts = {{"api.openai.com", "/v1"}};
  StageBody body = [](GatewayStage& stage) -> Task<CaseResult> {
    auto names = co_await stage.Python(std::string(kTlsClient) + R"py(
want('the vendor', handshake('api.openai.com', 'AUTHORITY'), 200)
want('another host', handshake('example.org', 'AUTHORITY'), 'TLSV1_UNRECOGNIZED_NAME')
want('a host below', handshake('x.api.openai.com', 'AUTHORITY'), 'TLSV1_UNRECOGNIZED_NAME')
want('another trial', handshake('api.openai.com', 'OTHER_AUTHORITY'), 'CERTIFICATE_VERIFY_FAILED')
held = [socket.create_connection(('127.0.0.1', 443)) for _ in range(48)]
for i in range(100):
    with socket.create_connection(('127.0.0.1', 443)) as s: s.sendall(os.urandom(i * 30))
want('after garbage, with 48 that say nothing', handshake('api.openai.com', 'AUTHORITY'), 200)
)py");
    double start = CpuMs();
    auto flood = co_await stage.Python(std::string(kTlsClient) + R"py(
end = time.time() + 3
def again():
    while time.time() < end: handshake('api.openai.com', 'AUTHORITY')
threads = [threading.Thread(target=again) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
)py");
    double used = CpuMs() - start;
    auto served = co_await stage.ServeBystander();
    if (!served) co_return Broken("another trial was not served: " + served.error().message);
    char detail[96];
    std::snprintf(detail, sizeof detail, "%.0f ms of CPU for 3 s of handshakes", used);
    co_return Both(Both(HeldIf(used < 1500, detail), Both(names, flood)),
                   Flagged(stage, {"host_not_allowed"}));
  };
  co_return co_await OnGatewayStage(ctx, "n18", std::move(options), std::move(body));
}

}  // namespace

std::vector<sandbox::escape::Case> GatewayCases() {
  return {
      {"N06", "pass descriptors to the gateway", "NOEFFECT", false, N06},
      {"N09", "models, routes and methods that are not listed", "BLOCK", true, N09},
      {"N10", "tools and addresses that act for the agent", "BLOCK", true, N10},
      {"N11", "no token, another's token, a token after the end", "BLOCK", true, N11},
      {"N12", "64 requests race for the last of the budget", "LIMIT", true, N12},
      {"N13", "slow, half, huge, double, compressed and piled-up requests", "LIMIT", false, N13},
      {"N14", "proxy requests, other hosts, redirects", "BLOCK", true, N14},
      {"N15", "a data set in prompts", "LIMIT", false, N15},
      {"N16", "a replay is asked something new", "BLOCK", true, N16},
      {"N17", "fields with names of 400 KB", "LIMIT", false, N17},
      {"N18", "TLS for others, for another trial, broken, without end", "LIMIT", false, N18},
  };
}

}  // namespace podium::agents
