package dev.postrider.database;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** What the build wrote down about itself. */
final class Build {

    /** The version and the time of this build, such as 1.2.0+20261122003156; ordered as {@code ModuleDescriptor.Version}. */
    static final String RELEASE;

    /** The version of the PostgreSQL that this build was made with, such as 18.6.0. */
    static final String POSTGRES;

    static {
        Properties properties = new Properties();
        try (InputStream file = Build.class.getResourceAsStream("build.properties")) {
            properties.load(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        RELEASE = properties.getProperty("release");
        POSTGRES = properties.getProperty("postgres");
    }

    private Build() {}
}
