// The rows of tests/data/kube/contract.yaml.
#pragma once

#include <string>
#include <vector>

#include "codec/json.h"
#include "contract/server.h"

namespace stoker::contract {

struct Row {
  std::string name;
  json::array steps;
};

const std::vector<Row>& rows();
// What differs from what the row expects, a line each; "" when it is as it should be.
std::string run(Server& server, const Row& row);

}  // namespace stoker::contract
