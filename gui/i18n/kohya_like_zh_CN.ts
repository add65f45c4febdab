<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>Banner</name>
    <message>
        <source>Hide</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Hide this message</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>Drawer</name>
    <message>
        <source>Steps and checks</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>FileActions</name>
    <message>
        <source>Open a configuration file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Save the configuration file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} relative paths are absolute now, because the file moved</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Unsaved changes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The new preset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} has changes that are not saved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Configuration files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>All files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Saved {path}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>Footer</name>
    <message>
        <source>Checking and starting ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Started: {run}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Not started:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The training is being started.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} errors have to be mended first; the list at the right names them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check once more and start the training (F5)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Training: {name}, step {step} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show the training that runs</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Unsaved changes of {name} were rescued from the last session.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Discard them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Train</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Dataset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show icons only (Ctrl+B)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show icons only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>New configuration</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MemoryCard</name>
    <message>
        <source>Memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Estimated as soon as the model can be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>What takes it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>CPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>GPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>About {low} to {high} on the {device}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{words}; how much is free is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{words}; {free} free</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>More than is free: the training would probably stop.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>While training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{needed} for {purpose}; {free} free</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>More than is free: saving would fail.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>PartBlock</name>
    <message>
        <source>trained</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>not trained</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{part}: {state}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{label}: {rate}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Go to the field {label}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>UNet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Text encoder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Text encoder 2</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>size unknown: the model&apos;s file cannot be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{layers} layers, {numbers} numbers</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>PartsCard</name>
    <message>
        <source>What is trained</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shown as soon as the preset can be read.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>PresetBar</name>
    <message>
        <source>Method</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Base model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Configuration file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Method: what is trained</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Kind of base model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open a configuration file (Ctrl+O)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Save (Ctrl+S)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Save under another name (Ctrl+Shift+S)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Recent files and examples</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Undo (Ctrl+Z)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Redo (Ctrl+Y)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>New, or back to the defaults</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>another method</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>not saved yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Options that {method} does not have were taken out: {keys}. Undo brings them back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No recent files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Examples that come with the program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>New configuration</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Set every field to its default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Save as ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file was deleted or moved by another program. Your text is still here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Save it again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Another program changed this file while it was open here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Keep mine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Take theirs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Compare ...</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>StepsCard</name>
    <message>
        <source>Steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Count of each bucket</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Counted as soon as the preset can be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Not known yet: there are no pictures to train on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Kept for validation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Epochs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Steps per epoch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Warm-up steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The formula of the tutorials gives {count}. It leaves out that each bucket ends with a batch of its own, which may be smaller.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{samples} samples, {batches} batches</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Saved during the run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Kept of them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The last one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Size of each</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>about {size}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>TrainPage</name>
    <message>
        <source>Source model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Folders</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Basic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Samples</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Basic options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>All options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show the options that most trainings need</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show every option, also those for experts</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
