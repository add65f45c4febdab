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
    <name>BucketChart</name>
    <message>
        <source>Buckets</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No buckets yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>samples {samples}, batches {batches}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} buckets; the arrow keys go through them</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ChoiceBox</name>
    <message>
        <source>not set</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>off</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>CompareDialog</name>
    <message>
        <source>Compare</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This window and the file on the disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Lines with - stand in this window only, lines with + in the file only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Lines that differ</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Keep mine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The next save writes over the file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Take theirs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file replaces the text in this window; undo brings it back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Comparing ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Lines only here: {mine}; only in the file: {theirs}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Both are the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>They differ in line ends or an invisible mark at the start only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Lines not shown: {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>equal lines: {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>seed {seed}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>step {step}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{step}: not drawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Compare samples</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Divider between the two pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Drag, or press Left and Right, to uncover one of the pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Previous prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Next prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Right</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Step shown at: {side}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ConceptDetails</name>
    <message>
        <source>The check counts nothing in this folder: is it there, and is it the right one?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Problems of the pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pictures that are trained</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Samples per epoch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Without a caption file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Captions without a word</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left out: cannot be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left out: too small</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left out: too large</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This folder is named in the preset. Removing it takes it out of the preset only; nothing on the disk is touched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This folder is found in the folder given above, so it cannot be removed here. To leave it out, move it elsewhere, or take the number off the front of its name.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ConceptModel</name>
    <message>
        <source>Folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Repeats</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Class words</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Per epoch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Captions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Without</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Weight</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Samples of an epoch: pictures times repeats</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Caption files found, by their ending</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pictures without a caption file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Caption files without a word</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pictures that cannot be read, are too small or too large</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>How much these pictures count</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Total</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>not found</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>regularisation</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ConceptTable</name>
    <message>
        <source>Concepts</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>DatasetPage</name>
    <message>
        <source>Dataset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>How folders become steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No concepts yet. Choose the folder that holds them above, or add a single folder of pictures.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Add a folder ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Add a folder of pictures to the preset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Options of its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Give the chosen concept options of its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Take the chosen concept out of the preset; its folder stays</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open the chosen concept&apos;s folder in the file manager</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Buckets</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Options of {name} alone</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a folder of pictures, such as 10_sks cat</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Taken out of the preset. Undo takes it back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The folder is not there: {folder}</source>
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
    <name>FaultLines</name>
    <message>
        <source>Error</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Warning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Hint</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>FaultList</name>
    <message>
        <source>Show errors: they keep a training from starting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show warnings: the training starts, but may disappoint</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show hints</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Nothing to mend.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Errors: {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Warnings: {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Hints: {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Done: {what}. Undo takes it back.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>FaultRow</name>
    <message>
        <source>Error</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Warning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Hint</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fix: {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Go to the field {field}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fix</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>FetchBar</name>
    <message>
        <source>This is a name on the hub; nothing is downloaded until you ask.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Look it up ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Look up the base model on the hub</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>FetchDialog</name>
    <message>
        <source>A model from the hub</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Look up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fetch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the folder for models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Into the folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Files of the model</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>How much has arrived</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} is a name on the hub. Looking it up asks the hub for its licence and its files; nothing is downloaded before you have seen them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>From</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Licence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Revision</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Size in all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Asking the hub ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This model has several files of weights. Choose the one you want.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fetching ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancelled. What has arrived is kept; fetching again goes on from there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>It is there, and stands in the preset as the base model.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Folder for models</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{done} so far</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>FieldRow</name>
    <message>
        <source>kohya&apos;s name: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Explain {label}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Changed: not the default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>not set</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reset to default: {value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy the key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy as --set</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>must be given</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>as for all folders</source>
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
    <name>FolderLesson</name>
    <message>
        <source>Each concept is a folder whose name is repeat_stylename: how often each picture is seen per epoch, an underscore, and the words for what the pictures show. Choose the folder that holds such folders.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>choose this one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>10 repeats, class words &quot;sks cat&quot;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>a picture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>its caption</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>steps = images x repeats x epochs / batch. For example: 20 images x 10 repeats x 5 epochs / batch 2 = 500 steps.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Good to begin with: 20 pictures or more, at least 512 pixels a side for SD 1.5 and 1024 for SDXL, no near duplicates, a caption for each. Your pictures are only read: never moved, renamed or changed.</source>
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
    <name>FormSection</name>
    <message>
        <source>The preset holds keys that are no options. They stay as they are until you mend them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>and {count} more</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>LogView</name>
    <message>
        <source>Log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show or hide the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Filter the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Errors only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Lines that speak of errors or warnings, and tracebacks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Follow the end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy what is selected, or everything shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Log of the training process</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Nothing was written yet, or nothing that matches the filter.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>LossPlot</name>
    <message>
        <source>The plot cannot be shown: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>step {step} · loss {loss} · smoothed {smooth}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>lr {rates}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Loss and learning rate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left and Right move the crosshair from step to step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Logarithmic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show the loss on a logarithmic axis</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Clip outliers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the range without the rarest one percent of the values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show the whole run again (double click)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show the whole run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>▲ saved   ● samples</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The curves appear with the first step.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>loss</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>smoothed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>validation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>lr</source>
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
    <name>PathField</name>
    <message>
        <source>{label}: used before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{label}: browse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>File...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Folder...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Will be made</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is no such path</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A file; a folder is wanted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A folder; a file is wanted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Exists</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Nothing used yet</source>
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
    <name>PresetDocument</name>
    <message>
        <source>This preset has no file yet.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>Recovery</name>
    <message>
        <source>Unsaved changes cannot be kept for the case of a crash: {why}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ResolutionBox</name>
    <message>
        <source>{label}: width</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{label}: height</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Square: both sides are equal</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Usual sizes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Multiples of {step} train best.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>Results</name>
    <message>
        <source>only with {names}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>RunHeader</name>
    <message>
        <source>{what}: asked, waits for the end of the step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{what}: accepted, ends with this epoch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{what}: accepted, the state is being saved</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Epoch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Time left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Speed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Elapsed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Memory (peak)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show or hide the list of runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>List of runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Progress</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pause</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Saves the state, ends the process and frees the GPU. Resume goes on exactly there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Resume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Goes on from the newest saved state, in a new process.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stop after epoch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Trains to the end of this epoch, saves, and ends.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Ends after this step. The file and the state are saved first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Save now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Writes a file and a state, and goes on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sample now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Draws the preview pictures of the preset, and goes on.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>RunList</name>
    <message>
        <source>Open folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy path</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Resume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Filter by name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Filter the runs by name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Runs, newest first</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>RunMessage</name>
    <message>
        <source>The run was not resumed: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The training process has not answered for a while. What it saved last stays if you end it now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>End it now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Resume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Failed: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Interrupted: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Change {option}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>RunWords</name>
    <message>
        <source>starting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>running</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>finished</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>failed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>interrupted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>stopped</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>paused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{s} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{m} min {s} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{h} h {m} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{d} d {h} h</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{n} it/s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{n} s/it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{m} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{h} h</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>RunsPage</name>
    <message>
        <source>Resuming {run} ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No runs yet. Start one on the Train page (F5).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Go to the Train page</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SampleGrid</name>
    <message>
        <source>Samples: a row for each prompt, a column for each step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Click or press Enter to compare two steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No samples yet. They appear here as the training draws them; Sample now asks for some.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SampleModel</name>
    <message>
        <source>step {step}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>step {step}, seed {seed}: {prompt}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file is missing</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SearchBox</name>
    <message>
        <source>Search options (Ctrl+F)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Search options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Finds options by English or Chinese name, by key or by kohya&apos;s name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Options found</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>Settings</name>
    <message>
        <source>{file}: is damaged; it was kept as {name}, and the defaults are used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file}: cannot be read ({why}); the defaults are used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file}: settings cannot be written: {why}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SettingsPage</name>
    <message>
        <source>Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Language</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Theme</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>At the start show</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Folders searched for runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Folder of settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Keyboard</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>About</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>As the system</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Light</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Dark</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>the configuration opened last</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>an empty configuration</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Output folders whose runs the Runs page lists, beside that of the open configuration.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Add a folder ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Takes it off this list; the folder stays</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Settings and rescued work lie here, and nothing else.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open the folder of settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>kohya-like {version}, under the Apache License 2.0.
Runs, with their samples and files, lie in the output folder of each configuration. Encoded pictures and captions lie in a cache of their own, never among your pictures.
No telemetry: the program reports nothing to anyone, and downloads nothing without being asked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start training</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Open, save, new configuration</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Save as</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Undo, redo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Find a field</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Train, Dataset, Runs, Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fold the list of pages</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>An output folder that holds runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Its runs are listed until the window is closed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Nothing has been stored there yet.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SidePanel</name>
    <message>
        <source>Summary and check</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>checking ...</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check before the start</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Not checked yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>One error to mend first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} errors to mend first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Ready to start.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The numbers below are from before: the preset cannot be read as it is now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The numbers below take the default for each option that is wrong.</source>
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
        <source>samples {samples}, batches {batches}</source>
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
    <name>SwitchBox</name>
    <message>
        <source>on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>off</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>TableBox</name>
    <message>
        <source>Name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Value</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Add</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{label}: add a line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{label}: remove the chosen line</source>
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
<context>
    <name>UnknownRow</name>
    <message>
        <source>Rename to {key}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Rename {old} to {new}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remove {key} from the preset</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
