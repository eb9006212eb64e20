package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/reference/kamelets.md} says what the definitions of the kamelets say. */
class KameletsPageTest {

    private static final Path WRITTEN = Path.of("target/kamelets.md");

    @Test
    void thePageIsMadeOfTheDefinitions() throws IOException {
        StringBuilder page = new StringBuilder("""
                # Kamelets

                The building blocks of routes, in [routes/kamelets](../../routes/kamelets). Durations are milliseconds. How a
                handler reads and writes its workspace's rows stands in [a guide](../guides/tenant-routes.md).
                """);
        try (Stream<Path> files = Files.list(Path.of("routes/kamelets"))) {
            for (Path file : files.sorted().toList()) {
                describe(new YAMLMapper().readTree(file.toFile()), page);
            }
        }
        Files.writeString(WRITTEN, page);
        assertThat(Pages.read("docs/reference/kamelets.md"))
                .as("docs/reference/kamelets.md is not what the definitions say; take %s", WRITTEN)
                .isEqualTo(page.toString());
    }

    private static void describe(JsonNode kamelet, StringBuilder page) {
        JsonNode definition = kamelet.at("/spec/definition");
        List<String> required = new YAMLMapper()
                .convertValue(
                        definition.path("required"),
                        new com.fasterxml.jackson.core.type.TypeReference<List<String>>() {});
        page.append("\n## %s\n\n%s\n\n| Parameter | Type | Default | Meaning |\n| --- | --- | --- | --- |\n"
                .formatted(
                        kamelet.at("/metadata/name").asText(),
                        definition.path("description").asText().strip().replace("<", "&lt;")));
        Iterator<Map.Entry<String, JsonNode>> properties =
                definition.path("properties").properties().iterator();
        while (properties.hasNext()) {
            Map.Entry<String, JsonNode> property = properties.next();
            JsonNode says = property.getValue();
            String meaning = says.path("description").asText().strip();
            if (meaning.endsWith("not to be set.")) {
                continue;
            }
            String standard = required.contains(property.getKey())
                    ? "required"
                    : says.path("default").asText().isEmpty()
                            ? ""
                            : "`" + says.path("default").asText() + "`";
            page.append("| `%s` | %s | %s | %s |\n"
                    .formatted(
                            property.getKey(),
                            says.path("type").asText(),
                            standard,
                            (meaning + example(says)).replace("|", "\\|")));
        }
    }

    private static String example(JsonNode says) {
        return says.has("example") ? " Example: `" + says.path("example").asText() + "`." : "";
    }
}
