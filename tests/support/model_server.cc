#include "tests/support/model_server.h"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

namespace podium::tests {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using nlohmann::json;

std::string Event(const json& chunk) { return "data: " + chunk.dump() + "\n\n"; }

json Chunk(const json& delta, const json& finish_reason) {
  return {{"object", "chat.completion.chunk"},
          {"choices",
           json::array({{{"index", 0}, {"delta", delta}, {"finish_reason", finish_reason}}})}};
}

std::string StreamEnd(const std::string& finish_reason, std::size_t completion_tokens) {
  json usage = {{"object", "chat.completion.chunk"},
                {"choices", json::array()},
                {"usage", {{"prompt_tokens", 100}, {"completion_tokens", completion_tokens}}}};
  return Event(Chunk(json::object(), finish_reason)) + Event(usage) + "data: [DONE]\n\n";
}

ScriptedReply Streamed(std::string body) {
  return {200, std::move(body), {{"Content-Type", "text/event-stream"}}, {}, false};
}

}  // namespace

struct ModelServer::Impl {
  Answer answer;
  asio::io_context io;
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::atomic<bool> stop{false};
  mutable std::mutex mutex;
  std::vector<ReceivedRequest> received;
  std::vector<std::thread> connections;
  std::thread thread;

  void Accept() {
    for (;;) {
      boost::system::error_code ec;
      tcp::socket socket(io);
      acceptor.accept(socket, ec);
      if (stop) return;
      if (!ec) connections.emplace_back([this, s = std::move(socket)]() mutable { Serve(s); });
    }
  }

  using Response = http::response<http::string_body>;

  void Send(tcp::socket& socket, Response& response, const ScriptedReply& reply) const {
    boost::system::error_code ec;
    if (!reply.cut_after && reply.drip.count() == 0) {
      http::write(socket, response, ec);
      return;
    }
    http::response_serializer<http::string_body> serializer(response);
    http::write_header(socket, serializer, ec);
    std::size_t end = reply.cut_after.value_or(reply.body.size());
    std::size_t step = reply.drip.count() > 0 ? 1 : end;
    for (std::size_t at = 0; at < end && !ec && !stop; at += step) {
      asio::write(socket, asio::buffer(reply.body.data() + at, step), ec);
      std::this_thread::sleep_for(reply.drip);
    }
  }

  void Serve(tcp::socket& socket) {
    beast::flat_buffer buffer;
    while (!stop) {
      boost::system::error_code ec;
      http::request<http::string_body> request;
      http::read(socket, buffer, request, ec);
      if (ec) return;
      ReceivedRequest r{std::string(request.target()),
                        std::string(request[http::field::authorization]), request.body()};
      int number = 0;
      {
        std::lock_guard lock(mutex);
        number = static_cast<int>(received.size());
        received.push_back(r);
      }
      ScriptedReply reply = answer(number, r);
      for (auto left = reply.delay; left.count() > 0 && !stop;
           left -= std::chrono::milliseconds(20))
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (reply.hang_up || stop) return;
      http::response<http::string_body> response{static_cast<http::status>(reply.status),
                                                 request.version()};
      for (const auto& [name, value] : reply.headers) response.set(name, value);
      response.keep_alive(false);
      response.body() = reply.body;
      response.prepare_payload();
      Send(socket, response, reply);
      socket.shutdown(tcp::socket::shutdown_send, ec);
      return;
    }
  }
};

ModelServer::ModelServer(Answer answer) : impl_(std::make_unique<Impl>()) {
  impl_->answer = std::move(answer);
  impl_->thread = std::thread([impl = impl_.get()] { impl->Accept(); });
}

ModelServer::~ModelServer() {
  impl_->stop = true;
  boost::system::error_code ec;
  asio::io_context io;
  tcp::socket wake(io);  // lets accept() return
  wake.connect(impl_->acceptor.local_endpoint(), ec);
  impl_->thread.join();
  for (auto& t : impl_->connections) t.join();
}

std::string ModelServer::base_url() const {
  return "http://127.0.0.1:" + std::to_string(impl_->acceptor.local_endpoint().port()) + "/v1";
}

std::vector<ReceivedRequest> ModelServer::requests() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->received;
}

ScriptedReply StreamedText(const std::string& text, const std::string& finish_reason) {
  std::string body;
  for (std::size_t at = 0; at < text.size(); at += 7)
    body += Event(Chunk({{"content", text.substr(at, 7)}}, nullptr));
  return Streamed(body + StreamEnd(finish_reason, text.size() / 4));
}

ScriptedReply StreamedToolCall(const std::string& name, const std::string& arguments) {
  json first = {{"tool_calls", json::array({{{"index", 0},
                                             {"id", "call_1"},
                                             {"type", "function"},
                                             {"function", {{"name", name}, {"arguments", ""}}}}})}};
  std::string body = Event(Chunk(first, nullptr));
  for (std::size_t at = 0; at < arguments.size(); at += 5) {
    json piece = {
        {"tool_calls",
         json::array({{{"index", 0}, {"function", {{"arguments", arguments.substr(at, 5)}}}}})}};
    body += Event(Chunk(piece, nullptr));
  }
  return Streamed(body + StreamEnd("tool_calls", 20));
}

ScriptedReply WholeText(const std::string& text) {
  json body = {{"choices", json::array({{{"index", 0},
                                         {"message", {{"role", "assistant"}, {"content", text}}},
                                         {"finish_reason", "stop"}}})},
               {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 25}}}};
  return {200, body.dump(), {{"Content-Type", "application/json"}}, {}, false};
}

}  // namespace podium::tests
