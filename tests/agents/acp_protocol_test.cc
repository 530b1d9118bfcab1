// The client's side of the Agent Client Protocol.
#include "agents/programs/acp_protocol.h"

#include <gmock/gmock.h>

#include "base/json.h"

namespace podium::agents {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Json Parsed(const std::string& line) {
  EXPECT_TRUE(line.ends_with('\n'));
  auto json = ParseJson(line, "line");
  EXPECT_TRUE(json) << line;
  return json.value_or(Json::object());
}

constexpr const char* kAsk =
    R"({"jsonrpc":"2.0","id":"p1","method":"session/request_permission","params":{"sessionId":"s",
    "toolCall":{"toolCallId":"c","title":"rm x"},"options":[
    {"optionId":"no","name":"No","kind":"reject_once"},{"optionId":"yes","name":"Yes","kind":"allow_once"}]}})";

TEST(AcpProtocolTest, ASessionIsOpenedAndPrompted) {
  AcpProtocol protocol(AcpPermission::kAllow);
  Json first = Parsed(protocol.Initialize());
  EXPECT_EQ(first["method"], "initialize");
  EXPECT_EQ(first["params"]["protocolVersion"], 1);
  EXPECT_EQ(first["params"]["clientCapabilities"]["terminal"], false);
  AcpTaken begun = protocol.Take(R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":1}})");
  ASSERT_TRUE(begun.answer);
  EXPECT_EQ(begun.answer->error, "");
  EXPECT_EQ(Parsed(protocol.NewSession("/home/code"))["params"]["cwd"], "/home/code");
  AcpTaken opened = protocol.Take(R"({"jsonrpc":"2.0","id":2,"result":{"sessionId":"s1"}})");
  ASSERT_TRUE(opened.answer);
  EXPECT_EQ(opened.answer->session, "s1");
  Json prompt = Parsed(protocol.Prompt("s1", "do it"));
  EXPECT_EQ(prompt["params"]["prompt"][0]["text"], "do it");
  EXPECT_FALSE(protocol.Take(R"({"jsonrpc":"2.0","id":2,"result":{}})").answer) << "an old one";
  AcpTaken ended = protocol.Take(R"({"jsonrpc":"2.0","id":3,"result":{"stopReason":"end_turn"}})");
  ASSERT_TRUE(ended.answer);
  EXPECT_EQ(ended.answer->stop_reason, "end_turn");
  EXPECT_THAT(ended.notes, IsEmpty());
}

TEST(AcpProtocolTest, PermissionIsAnsweredByPolicy) {
  AcpTaken allowed = AcpProtocol(AcpPermission::kAllow).Take(kAsk);
  ASSERT_EQ(allowed.send.size(), 1u);
  Json answer = Parsed(allowed.send[0]);
  EXPECT_EQ(answer["id"], "p1");
  EXPECT_EQ(answer["result"]["outcome"]["optionId"], "yes");
  EXPECT_EQ(allowed.notes[0].kind, "permission");
  EXPECT_EQ(allowed.notes[0].text, "rm x -> yes");
  AcpTaken rejected = AcpProtocol(AcpPermission::kReject).Take(kAsk);
  EXPECT_EQ(Parsed(rejected.send[0])["result"]["outcome"]["optionId"], "no");
  AcpTaken none =
      AcpProtocol(AcpPermission::kReject)
          .Take(R"({"id":7,"method":"session/request_permission","params":{"options":[]}})");
  EXPECT_EQ(Parsed(none.send[0])["result"]["outcome"]["outcome"], "cancelled");
}

TEST(AcpProtocolTest, UpdatesAreNotesAndWhatIsNotOfferedIsRefused) {
  AcpProtocol protocol(AcpPermission::kAllow);
  auto note = [&](const std::string& update) {
    auto taken = protocol.Take(
        R"({"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s","update":)" +
        update + "}}");
    EXPECT_EQ(taken.notes.size(), 1u);
    return taken.notes.empty() ? "" : taken.notes[0].kind + ": " + taken.notes[0].text;
  };
  EXPECT_EQ(
      note(R"({"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"hi"}})"),
      "agent_message_chunk: hi");
  EXPECT_EQ(
      note(R"({"sessionUpdate":"tool_call","toolCallId":"c","title":"ls","status":"pending"})"),
      "tool_call: ls: pending");
  EXPECT_EQ(note(R"({"sessionUpdate":"plan","entries":[{"content":"a"},{"content":"b"}]})"),
            "plan: a; b");
  AcpTaken files = protocol.Take(
      R"({"jsonrpc":"2.0","id":9,"method":"fs/read_text_file","params":{"path":"/etc/passwd"}})");
  ASSERT_EQ(files.send.size(), 1u);
  EXPECT_EQ(Parsed(files.send[0])["error"]["code"], -32601);
  EXPECT_EQ(files.notes[0].text, "fs/read_text_file");
}

TEST(AcpProtocolTest, WhatIsNoMessageIsANoteAndAnErrorAnAnswer) {
  AcpProtocol protocol(AcpPermission::kAllow);
  std::string request = protocol.Initialize();
  for (const char* line :
       {"hello", "[1]", "{", "null", "\xff\xfe", "{\"id\":1e99}", "{\"method\":7}",
        "{\"method\":\"session/update\"}", "{\"method\":\"session/update\",\"params\":[]}"}) {
    AcpTaken taken = protocol.Take(line);
    EXPECT_FALSE(taken.answer) << line;
    EXPECT_THAT(taken.send, IsEmpty()) << line;
  }
  EXPECT_EQ(protocol.Take("hello").notes[0].kind, "not_a_message");
  AcpTaken failed = protocol.Take(
      R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"auth required"}})");
  ASSERT_TRUE(failed.answer);
  EXPECT_THAT(failed.answer->error, HasSubstr("auth required"));
}

}  // namespace
}  // namespace podium::agents
