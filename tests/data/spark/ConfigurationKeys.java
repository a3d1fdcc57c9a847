// Makes configuration-keys.json, a line for each version: the keys of Kubernetes that Spark registers, and the prefixes that it reads.
//   for home in …/pyspark; do java -cp "$home/jars/*" tests/data/spark/ConfigurationKeys.java; done > tests/data/spark/configuration-keys.json
import java.lang.reflect.Method;
import java.util.TreeSet;

public class ConfigurationKeys {
  public static void main(String[] arguments) throws Exception {
    Class<?> config = Class.forName("org.apache.spark.deploy.k8s.Config$");
    Object module = config.getField("MODULE$").get(null);
    TreeSet<String> keys = new TreeSet<>();
    for (Method method : config.getMethods()) {
      if (method.getParameterCount() != 0 || method.getDeclaringClass() != config) continue;
      Object value = method.invoke(module);
      if (value == null) continue;
      if (value.getClass().getName().contains("ConfigEntry")) keys.add((String) value.getClass().getMethod("key").invoke(value));
      else if (value instanceof String && ((String) value).startsWith("spark.kubernetes.")) keys.add((String) value);
    }
    Object version = Class.forName("org.apache.spark.package$").getField("MODULE$").get(null);
    String name = (String) version.getClass().getMethod("SPARK_VERSION").invoke(version);
    System.out.println("{\"version\": \"" + name + "\", \"keys\": [\"" + String.join("\", \"", keys) + "\"]}");
  }
}
