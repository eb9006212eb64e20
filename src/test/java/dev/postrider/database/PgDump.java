package dev.postrider.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * PostgreSQL's pg_dump 18, which dumps servers of 16 to 18. The bundled server comes without it and Debian has an older
 * one, so it is taken from an npm package and runs in node.
 */
final class PgDump {

    private static final String PACKAGE = "@electric-sql/pglite-tools";
    private static final String VERSION = "0.4.8";
    private static final Path FOLDER = Path.of("target", "pg-dump");

    private PgDump() {}

    /** Whether node and npm are there; in CI they have to be. */
    static boolean available() {
        return "true".equals(System.getenv("CI"))
                || List.of("node", "npm").stream().allMatch(tool -> {
                    try {
                        return new ProcessBuilder(tool, "--version")
                                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                                        .start()
                                        .waitFor()
                                == 0;
                    } catch (IOException | InterruptedException e) {
                        return false;
                    }
                });
    }

    /**
     * Dumps a database as a script of SQL.
     *
     * @param errors where pg_dump's messages go
     * @return its exit code
     */
    static int run(DatabaseLocation location, String username, String password, Path file, Path errors)
            throws Exception {
        URI server = URI.create(location.url().replaceFirst("^jdbc:", ""));
        Process process = new ProcessBuilder(
                        "node",
                        "src/test/resources/dev/postrider/database/pg-dump.mjs",
                        module().toUri().toString(),
                        file.toString(),
                        "--dbname=postgresql://%s:%s@127.0.0.1%s".formatted(username, password, server.getPath()))
                .redirectError(errors.toFile())
                .start();
        try (Socket socket = new Socket(server.getHost(), server.getPort())) {
            CompletableFuture<Void> up = pump(process.getInputStream(), socket.getOutputStream());
            pump(socket.getInputStream(), process.getOutputStream());
            int code = process.waitFor();
            up.join();
            return code;
        }
    }

    private static Path module() throws Exception {
        Path module = FOLDER.resolve("node_modules").resolve(PACKAGE).resolve("dist/pg_dump.js");
        if (!Files.exists(module)) {
            // Without its peer, a whole PostgreSQL that is not needed here.
            Path log = FOLDER.resolveSibling("pg-dump.log");
            int code = new ProcessBuilder(
                            "npm",
                            "install",
                            "--prefix=" + FOLDER,
                            "--no-save",
                            "--no-package-lock",
                            "--legacy-peer-deps",
                            PACKAGE + "@" + VERSION)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start()
                    .waitFor();
            assertThat(code).as("npm install %s, see %s", PACKAGE, log).isZero();
        }
        return module.toAbsolutePath();
    }

    private static CompletableFuture<Void> pump(InputStream from, OutputStream to) {
        return CompletableFuture.runAsync(() -> {
            byte[] bytes = new byte[65536];
            try (from;
                    to) {
                for (int count = from.read(bytes); count >= 0; count = from.read(bytes)) {
                    to.write(bytes, 0, count);
                    to.flush();
                }
            } catch (IOException e) {
                return; // one of both has ended
            }
        });
    }
}
