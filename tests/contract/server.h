// The API server that a contract test runs against: the fake, or the real one that STOKER_TEST_KUBECONFIG names.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fakes/api_server.h"
#include "kube/transport.h"

namespace stoker::contract {

class Server {
 public:
  virtual ~Server() = default;
  virtual kube::Transport& transport() = 0;
  virtual const Clock& clock() const = 0;
  // None for a real one.
  virtual fakes::ApiServer* fake() { return nullptr; }
};

std::unique_ptr<Server> make_fake();
// Fails the process when the kubeconfig is bad.
std::unique_ptr<Server> make_real();
// Is there a real one?
bool has_real();

// A namespace of its own for a test.
std::string make_namespace(Server& server);

// Sends "METHOD /path?query" and waits at most a minute.
Result<net::Response> send(Server& server, const std::string& what, const std::string& body = "",
                           const std::string& content_type = "application/json", const net::BodySink& sink = {});

}  // namespace stoker::contract
