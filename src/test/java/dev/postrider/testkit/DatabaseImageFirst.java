package dev.postrider.testkit;

import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/** Starts the image that the tests are asked to run on before the first of them: if it is not there, none has to fail. */
public final class DatabaseImageFirst implements LauncherSessionListener {

    @Override
    public void launcherSessionOpened(LauncherSession session) {
        TestDatabase.startImage();
    }
}
