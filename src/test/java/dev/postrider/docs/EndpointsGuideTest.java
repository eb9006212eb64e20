package dev.postrider.docs;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.testkit.Guide;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The commands of docs/guides/endpoints.md do what the guide says. */
class EndpointsGuideTest {

    @Test
    void the_commands_make_try_recover_and_rotate_an_endpoint() throws Exception {
        try (Receiver receiver = Receiver.start();
                RunningApplication application =
                        RunningApplication.start("postrider.outbound.allowed-networks=127.0.0.1/32")) {
            UUID workspace = application.newWorkspace();
            String variables = "KEY=%s\nURL=%s\n".formatted(application.newKey(workspace), receiver.url());
            List<String> commands = Guide.blocks("endpoints.md", "sh");
            assertThat(commands).hasSize(4);
            JsonNode endpoint = json(run(application, variables, commands.get(0)));
            variables += "ENDPOINT=" + endpoint.path("endpointId").asText() + "\n";
            String[] test = commands.get(1).split("\n");
            JsonNode sent = json(run(application, variables, test[0]));
            await().until(() -> receiver.requests().size() == 1);
            assertThat(receiver.requests().get(0).header("x-api-key")).isEqualTo("theirs");
            String delivery = "DELIVERY=" + sent.path("deliveryId").asText() + "\n";
            String shown = variables + delivery;
            await().until(() ->
                    json(run(application, shown, test[1])).path("attempts").size() == 1);
            String recovery = run(application, variables, commands.get(2));
            assertThat(recovery).contains("\"enabled\": true").contains("\"matched\": 0");
            JsonNode rotated = json(run(application, variables, commands.get(3)));
            assertThat(rotated.path("secret").asText())
                    .startsWith("whsec_")
                    .isNotEqualTo(endpoint.path("secret").asText());
        }
    }

    private static String run(RunningApplication application, String variables, String commands) throws Exception {
        String script = variables + commands.replace("localhost:8080", "localhost:" + application.port());
        Process shell = new ProcessBuilder("bash", "-e", "-c", script).start();
        return new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(text, e);
        }
    }
}
