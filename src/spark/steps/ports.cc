#include "spark/steps/ports.h"

#include <fmt/format.h>

#include <array>

namespace stoker::spark {

namespace {

constexpr std::int64_t kHighestPort = 65535;
constexpr std::string_view kDriverBlockManager = "spark.driver.blockManager.port";

constexpr std::array kPorts = {
    DriverPort{"driver-rpc-port", "spark.driver.port", 7078},
    DriverPort{"blockmanager", kDriverBlockManager, 7079},
    DriverPort{"spark-ui", "spark.ui.port", 4040},
    DriverPort{"spark-connect", "spark.connect.grpc.binding.port", 15002, Release::v4_1, "grpc"},
};

Result<std::int64_t> port_at(std::string_view key, std::int64_t otherwise, const ConfigurationReader& configuration) {
  TRY_ASSIGN(const std::int64_t number, configuration.whole_number(key, otherwise));
  if (number > 0 && number <= kHighestPort) return number;
  return Error{.code = ErrorCode::invalid_value,
               .message = fmt::format("{} is {}, which is no port", key, number),
               .hint = fmt::format("write 1 to {}", kHighestPort)};
}

}  // namespace

std::span<const DriverPort> driver_ports() {
  return kPorts;
}

Result<std::int64_t> container_port(const DriverPort& port, const ConfigurationReader& configuration) {
  TRY_ASSIGN(const auto own, configuration.text(port.key));
  const bool by_fallback = port.key == kDriverBlockManager && !own;
  return port_at(by_fallback ? "spark.blockManager.port" : port.key, port.otherwise, configuration);
}

Result<std::int64_t> service_port(const DriverPort& port, const ConfigurationReader& configuration) {
  return port_at(port.key, port.otherwise, configuration);
}

}  // namespace stoker::spark
