package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import dev.postrider.testkit.TestDatabase;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

class DatabaseDownTest {

    @Test
    void aWebhookIsAnsweredThatTheSenderShallTryAgainAndThenItIsTakenIn() {
        DatabaseLocation location = TestDatabase.newDatabase();
        String name = location.url().replaceAll(".*/([a-z0-9_]+).*", "$1");
        JdbcTemplate server = new JdbcTemplate(new DriverManagerDataSource(
                location.directUrl().replace("/" + name, "/postgres"), location.username(), location.password()));
        try (RunningApplication application = RunningApplication.on(location)) {
            RunningApplication.await()
                    .until(() -> application.camel().getRoute("github") != null
                            && application.camel().getRoute("receive-webhook") != null);
            String url = application
                    .call(
                            "POST",
                            "/v1/sources",
                            "{\"provider\":\"github\",\"secrets\":[\"%s\"]}".formatted(InboundTest.SECRET))
                    .text("/url");
            byte[] body = InboundTest.resource("github/push.json");
            HttpRequest.Builder webhook =
                    HttpRequest.newBuilder(URI.create(url)).POST(BodyPublishers.ofByteArray(body));
            InboundTest.githubHeaders(body, "push", "1").forEach(webhook::header);

            Answer down;
            server.execute("alter database " + name + " with allow_connections false");
            try {
                server.query(
                        "select pg_terminate_backend(pid) from pg_stat_activity where datname = ?", row -> {}, name);
                down = application.exchange(webhook.build());
            } finally {
                server.execute("alter database " + name + " with allow_connections true");
            }

            assertThat(down.status()).isEqualTo(503);
            assertThat(down.headers().firstValueAsLong("Retry-After")).isPresent();
            assertThat(down.text("/detail")).contains("send it again");
            RunningApplication.await()
                    .until(() -> application.exchange(webhook.build()).status() == 200);
            assertThat(application.exchange(webhook.build()).text("/verdict")).isEqualTo("duplicate");
        }
    }
}
