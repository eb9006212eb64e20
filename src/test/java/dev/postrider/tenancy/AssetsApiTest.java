package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How a workspace finds and reads its files over HTTP. */
class AssetsApiTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    private final UUID workspace = APPLICATION.newWorkspace();
    private final String key = APPLICATION.newKey(workspace);

    @Test
    void files_are_listed_newest_first_page_by_page_and_by_the_beginning_of_their_names() {
        for (int i = 1; i <= 5; i++) {
            write("report_%d.csv".formatted(i), "text/csv", "day,tasks");
            write("reportx%d".formatted(i), "text/plain", "");
        }

        List<String> names = new ArrayList<>();
        String cursor = "";
        do {
            JsonNode page = get("/v1/assets?limit=2&prefix=report_" + cursor).json();
            page.path("items").forEach(item -> names.add(item.path("name").asText()));
            cursor = page.path("nextCursor").isNull()
                    ? ""
                    : "&cursor=" + page.path("nextCursor").asText();
        } while (!cursor.isEmpty());

        assertThat(names)
                .containsExactly("report_5.csv", "report_4.csv", "report_3.csv", "report_2.csv", "report_1.csv");
        JsonNode first = get("/v1/assets?prefix=report_5").json().at("/items/0");
        assertThat(first.path("mediaType").asText()).isEqualTo("text/csv");
        assertThat(first.path("size").asInt()).isEqualTo(9);
        assertThat(first.path("writtenAt").asText()).endsWith("Z");
        assertThat(get("/v1/assets").json().path("items")).hasSize(10);
    }

    @Test
    void a_file_comes_byte_by_byte_as_it_was_written() throws Exception {
        byte[] all = new byte[256 * 1024];
        for (int i = 0; i < all.length; i++) {
            all[i] = (byte) i;
        }
        String asset = write("grüße \"1\".bin", "application/x-thing", all);

        HttpResponse<byte[]> answer = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(APPLICATION.url("/v1/assets/" + asset)))
                                .header("Authorization", "Bearer " + key)
                                .build(),
                        BodyHandlers.ofByteArray());

        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo(all);
        assertThat(answer.headers().firstValue("Content-Type")).contains("application/x-thing");
        assertThat(answer.headers().firstValue("X-Content-Type-Options")).contains("nosniff");
        assertThat(answer.headers().firstValue("Content-Disposition").orElseThrow())
                .startsWith("attachment")
                .contains("gr%C3%BC%C3%9Fe");
    }

    @Test
    void an_empty_file_is_a_file_and_a_deleted_one_is_none() {
        String empty = write("empty", "text/plain", "");
        assertThat(get("/v1/assets/" + empty).status()).isEqualTo(200);
        assertThat(get("/v1/assets/" + empty).body()).isEmpty();

        APPLICATION
                .sql()
                .update("update postrider.workspace_assets set deleted_at = now() where asset_id = ?::uuid", empty);
        assertThat(get("/v1/assets/" + empty).status()).isEqualTo(404);
        assertThat(get("/v1/assets").json().path("items")).isEmpty();
        assertThat(get("/v1/assets/" + UUID.randomUUID()).status()).isEqualTo(404);
        String produces = APPLICATION
                .callAsOperator("POST", "/v1/workspaces/" + workspace + "/keys", "{\"scopes\": [\"produce\"]}")
                .text("/apiKey");
        assertThat(APPLICATION.send(produces, "GET", "/v1/assets", null).status())
                .isEqualTo(403);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            text/html; charset=utf-8 | text/html
            nothing like it          | application/octet-stream
            """)
    void a_media_type_that_is_none_is_not_passed_on(String stored, String answered) {
        Answer answer = get("/v1/assets/" + write("file", stored, "x"));

        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.headers().firstValue("Content-Type").orElseThrow()).startsWith(answered);
    }

    private String write(String name, String mediaType, String content) {
        return write(name, mediaType, content.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    private String write(String name, String mediaType, byte[] content) {
        return APPLICATION.as(
                "tenant",
                workspace,
                sql -> sql.queryForObject(
                        "insert into workspace_assets (workspace_id, name, media_type, content) values (?, ?, ?, ?) returning asset_id",
                        String.class,
                        workspace,
                        name,
                        mediaType,
                        content));
    }

    private Answer get(String path) {
        return APPLICATION.send(key, "GET", path, null);
    }
}
