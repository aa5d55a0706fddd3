// SPDX-License-Identifier: BSD-3-Clause
//
// `postern status`: how postern-control is, as its workers say: which backends are up, which
// engines can be reached, what waits for them, how many sessions there are. It is not for engines:
// they have `postern stats`.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>

#include "control/cli/command.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "control/config/status_socket.h"
#include "control/web/engine_client.h"

namespace postern::cli {
namespace {

namespace json = boost::json;

constexpr const char* kDefaultSocket = "/run/postern/control.sock";
constexpr std::chrono::seconds kTimeout{10};

void declare(OptionSet& options) {
  options.add_text("status,s", "SOCKET",
                   "which the setting status names (default /run/postern/control.sock)");
}

json::object ask(const std::string& socket) {
  const auto reply =
      web::EngineClient(socket).call_blocking("GET", "/v1/status", nullptr, kTimeout);
  if (!reply.ok()) throw std::runtime_error(reply.error);
  if (!reply.body.is_object()) throw std::runtime_error(socket + ": the answer is no object");
  return reply.body.get_object();
}

std::string text_of(const json::value& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

std::string since(const json::value& time, int64_t now) {
  return time.is_null() ? "" : "for " + duration_text(now - time.as_int64());
}

std::string last_error(const json::value& of, int64_t now) {
  const auto& error = of.at("error");
  if (error.is_null()) return "";
  return until_text(of.at("failed").to_number<int64_t>(), now) + ": " + text_of(error);
}

void add_backends(Table& table, const char* what, const json::array& backends, int64_t now) {
  for (const auto& one : backends) {
    std::string connections =
        counted(one.at("connections").to_number<uint64_t>(), "connection", "connections");
    if (!one.at("max").is_null()) connections += " of " + text_of(one.at("max"));
    table.row({what, text_of(one.at("backend")), text_of(one.at("state")),
               since(one.at("since"), now), connections, last_error(one, now)});
  }
}

void print(const json::object& worker) {
  const auto now = worker.at("time").to_number<int64_t>();
  std::cout << "worker " << text_of(worker.at("worker")) << ": " << text_of(worker.at("sessions"))
            << " of " << text_of(worker.at("max_sessions")) << " sessions, "
            << text_of(worker.at("overload")) << "; milter "
            << text_of(worker.at("milter_sessions")) << ", outbound "
            << text_of(worker.at("outbound_sessions")) << "; up for "
            << duration_text(now - worker.at("started").to_number<int64_t>()) << '\n';
  Table table({Table::kLeft, Table::kLeft, Table::kLeft, Table::kLeft, Table::kLeft, Table::kLeft});
  add_backends(table, "farm", worker.at("farm").as_array(), now);
  add_backends(table, "smarthost", worker.at("smarthosts").as_array(), now);
  for (const auto& one : worker.at("engines").as_array())
    table.row({"engine", text_of(one.at("engine")), text_of(one.at("state")),
               since(one.at("since"), now),
               counted(one.at("waiting").to_number<uint64_t>(), "entry", "entries") + " waiting",
               last_error(one, now)});
  table.print(std::cout, 2);
}

int run(const Invocation& invocation) {
  const auto path = invocation.text("status").value_or(kDefaultSocket);
  json::array answers;
  json::array silent;
  size_t workers = 1;
  for (size_t number = 0; number < workers; number++) {
    const auto socket = config::status_socket(path, number);
    try {
      auto answer = ask(socket);
      if (number == 0) workers = answer.at("workers").to_number<size_t>();
      answers.push_back(std::move(answer));
    } catch (const std::exception& error) {
      if (number == 0) throw;  // nobody to say how many there are
      silent.push_back({{"worker", number}, {"error", error.what()}});
    }
  }
  if (invocation.json()) {
    std::cout << json::serialize(json::object{{"workers", answers}, {"silent", silent}}) << '\n';
  } else {
    for (const auto& answer : answers) print(answer.get_object());
    for (const auto& one : silent)
      std::cout << "worker " << text_of(one.at("worker")) << ": "
                << printable(text_of(one.at("error"))) << '\n';
  }
  return silent.empty() ? kFine : kBadInput;
}

}  // namespace

const Command kStatusCommand{.name = "status",
                             .title = "Shows how postern-control is: farm, engines, sessions",
                             .synopsis = "[OPTION...]",
                             .manual = "Exit status 1 where a worker does not answer.\n",
                             .declare = declare,
                             .run = run};

}  // namespace postern::cli
